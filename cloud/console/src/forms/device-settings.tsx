import { type DeviceDetail, devices } from "@fieldloop/shared/contract/devices";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client, statusOf } from "../api/client.ts";
import { deviceQuery } from "../api/queries.ts";
import { useRefusal } from "../api/session.ts";
import { useForm } from "../hooks/use-form.ts";
import { t } from "../text/t.ts";
import { td } from "../text/t-devices.ts";
import { Button } from "../ui/button.tsx";
import { SelectField, TextField } from "../ui/field.tsx";
import { toast } from "../ui/toast.tsx";
import css from "./form.module.css";
import { FormFailure } from "./form-failure.tsx";

const modes = ["exceptions", "sampled", "all"] as const;

export interface SettingsFormProps {
  readonly device: DeviceDetail;
  readonly etag: string | undefined;
}

/** How a device reports. A change somebody else made meanwhile is shown and not overwritten. */
export function SettingsForm({ device, etag }: SettingsFormProps) {
  const { id } = device;
  const { settings } = device.desired;
  const cache = useQueryClient();
  const refusal = useRefusal("devices:write");
  const [hasChanged, setHasChanged] = useState(false);
  const form = useForm({
    read: (data) => ({
      settings: {
        results: data.get("results"),
        sampleShare: Number(data.get("sampleShare")),
        windowMs: Math.round(Number(data.get("windowS")) * 1000),
      },
    }),
    schema: devices.update.body,
    send: async (body) => {
      try {
        const reply = await client.callTagged(devices.update, {
          params: { id },
          body,
          ifMatch: etag ?? "*",
        });
        cache.setQueryData(deviceQuery(id).queryKey, reply);
        setHasChanged(false);
        toast(td("twin.saved", { id }));
      } catch (error) {
        if (statusOf(error) !== 412) throw error;
        setHasChanged(true);
        await cache.invalidateQueries({ queryKey: ["device", id] });
      }
    },
  });
  return (
    // A new key takes over settings that changed elsewhere.
    <form key={JSON.stringify(settings)} className={css.form} onSubmit={form.onSubmit} noValidate>
      <SelectField
        label={td("twin.results.label")}
        name="results"
        defaultValue={settings.results}
        options={modes.map((mode) => [mode, td(`twin.results.${mode}`)] as const)}
      />
      <TextField
        label={td("twin.share.label")}
        name="sampleShare"
        type="number"
        step="any"
        min={0}
        max={1}
        defaultValue={settings.sampleShare}
        help={td("twin.share.help")}
        problem={form.problem("sampleShare")}
      />
      <TextField
        label={td("twin.window.label")}
        name="windowS"
        type="number"
        min={1}
        max={3600}
        defaultValue={settings.windowMs / 1000}
        help={td("twin.window.help")}
        problem={form.problem("windowMs")}
      />
      {hasChanged ? <p role="alert">{td("twin.changed")}</p> : null}
      <FormFailure error={form.failure} />
      <div className={css.start}>
        <Button type="submit" look="primary" busy={form.busy} refusal={refusal}>
          {t("word.save")}
        </Button>
      </div>
    </form>
  );
}
