import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { modelsQuery } from "../api/model-queries.ts";
import { fleetQuery } from "../api/queries.ts";
import { paths } from "../paths.ts";
import { t } from "../text/t.ts";
import { Dialog } from "../ui/dialog.tsx";
import { Palette, type PaletteGroup } from "../ui/rac/palette.tsx";

const pages = [
  [paths.devices(), t("nav.devices")],
  [paths.samples(), t("nav.samples")],
  [paths.models(), t("nav.registry")],
  [paths.push(), t("jump.push")],
  [paths.enrolment(), t("nav.enrolment")],
  [paths.audit(), t("nav.audit")],
  [paths.settings(), t("nav.settings")],
] as const;

/** Every page, device and model by name. */
export function JumpDialog({ onClose }: { readonly onClose: () => void }) {
  const navigate = useNavigate();
  const { data: fleet } = useQuery(fleetQuery);
  const { data: models } = useQuery(modelsQuery);
  const groups: readonly PaletteGroup[] = [
    { title: t("jump.pages"), items: pages.map(([id, text]) => ({ id, text })) },
    {
      title: t("jump.devices"),
      items: (fleet?.items ?? []).map(({ id }) => ({ id: paths.device(id), text: id })),
    },
    {
      title: t("jump.models"),
      items: (models?.items ?? []).map(({ name }) => ({ id: paths.model(name), text: name })),
    },
  ];
  return (
    <Dialog title={t("jump.title")} onClose={onClose}>
      <Palette
        label={t("jump.title")}
        placeholder={t("jump.placeholder")}
        empty={t("jump.empty")}
        groups={groups}
        onChoose={(href) => {
          onClose();
          void navigate({ href });
        }}
      />
    </Dialog>
  );
}
