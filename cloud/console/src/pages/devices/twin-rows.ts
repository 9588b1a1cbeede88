import type { DeviceDetail } from "@fieldloop/shared/contract/devices";
import { t } from "../../text/t.ts";
import { td } from "../../text/t-devices.ts";

export interface TwinRow {
  readonly field: string;
  readonly desired: string;
  /** `undefined` where the device has not said. */
  readonly reported: string | undefined;
  readonly isSame: boolean;
}

/** Both halves of the twin, setting by setting. */
export function twinRows({ desired, reported }: DeviceDetail): readonly TwinRow[] {
  const row = (field: string, want: string, is: string | undefined): TwinRow => ({
    field,
    desired: want,
    reported: is,
    isSame: want === is,
  });
  const { settings, scene } = desired;
  const modelName = (model: { name: string; version: string } | null) =>
    model === null ? t("word.none") : `${model.name}@${model.version}`;
  return [
    row(td("twin.version"), String(desired.version), reported?.desiredVersion.toString()),
    row(
      td("twin.model"),
      modelName(desired.model),
      reported ? modelName(reported.model) : undefined,
    ),
    row(td("twin.results"), settings.results, reported?.settings.results),
    row(td("twin.share"), String(settings.sampleShare), reported?.settings.sampleShare.toString()),
    row(
      td("twin.window"),
      `${settings.windowMs / 1000} s`,
      reported ? `${reported.settings.windowMs / 1000} s` : undefined,
    ),
    ...Object.entries(scene).map(([name, value]) =>
      row(td("twin.scene", { name }), value, reported?.scene[name]),
    ),
  ];
}
