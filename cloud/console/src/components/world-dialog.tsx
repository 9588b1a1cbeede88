import { devices as endpoints } from "@fieldloop/shared/contract/devices";
import { useQueryClient } from "@tanstack/react-query";
import { client } from "../api/client.ts";
import css from "../forms/form.module.css";
import { FormFailure } from "../forms/form-failure.tsx";
import { useForm } from "../hooks/use-form.ts";
import { t } from "../text/t.ts";
import { td } from "../text/t-devices.ts";
import { Button } from "../ui/button.tsx";
import { Dialog, DialogActions } from "../ui/dialog.tsx";
import { SelectField } from "../ui/field.tsx";
import { toast } from "../ui/toast.tsx";

/** Worlds that the demo's renderer knows. */
const worlds = ["normal", "lamp-aging", "dirty-lens", "brown-eggs"] as const;

/** Changes what synthetic cameras see. */
export function WorldDialog(props: {
  readonly devices: readonly string[];
  readonly onClose: () => void;
}) {
  const cache = useQueryClient();
  const form = useForm({
    read: (data) => ({ world: data.get("world"), devices: props.devices }),
    schema: endpoints.setScene.body,
    send: async (body) => {
      const { changed } = await client.call(endpoints.setScene, { body });
      toast(td("devices.world.done", { n: changed.length, world: body.world }));
      void cache.invalidateQueries({ queryKey: ["devices"] });
      props.onClose();
    },
  });
  return (
    <Dialog title={td("devices.world.title", { n: props.devices.length })} onClose={props.onClose}>
      <form className={css.form} onSubmit={form.onSubmit}>
        <SelectField
          label={td("devices.world.label")}
          name="world"
          options={worlds.map((world) => [world, world] as const)}
          problem={form.problem("world")}
        />
        <FormFailure error={form.failure} />
        <DialogActions>
          <Button onClick={props.onClose}>{t("word.cancel")}</Button>
          <Button type="submit" look="primary" busy={form.busy}>
            {td("devices.world.apply")}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
