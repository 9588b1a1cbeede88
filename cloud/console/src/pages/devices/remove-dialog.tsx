import { devices } from "@fieldloop/shared/contract/devices";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import * as z from "zod/mini";
import { client } from "../../api/client.ts";
import css from "../../forms/form.module.css";
import { FormFailure } from "../../forms/form-failure.tsx";
import { useForm } from "../../hooks/use-form.ts";
import { t } from "../../text/t.ts";
import { td } from "../../text/t-devices.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog, DialogActions } from "../../ui/dialog.tsx";
import { TextField } from "../../ui/field.tsx";
import { toast } from "../../ui/toast.tsx";

/** Decommissions a device once its name has been typed. */
export function RemoveDialog(props: {
  readonly id: string;
  readonly etag: string | undefined;
  readonly onClose: () => void;
}) {
  const { id } = props;
  const cache = useQueryClient();
  const navigate = useNavigate();
  const form = useForm({
    read: (data) => ({ typed: data.get("typed") }),
    schema: z.object({ typed: z.literal(id, td("device.remove.type", { id })) }),
    send: async () => {
      await client.call(devices.remove, { params: { id }, ifMatch: props.etag ?? "*" });
      toast(td("device.remove.done", { id }));
      cache.removeQueries({ queryKey: ["device", id] });
      void cache.invalidateQueries({ queryKey: ["devices"] });
      void navigate({ to: "/devices" });
    },
  });
  return (
    <Dialog title={td("device.remove.title", { id })} onClose={props.onClose}>
      <form className={css.form} onSubmit={form.onSubmit} noValidate>
        <p>{td("device.remove.text")}</p>
        <TextField
          label={td("device.remove.type", { id })}
          name="typed"
          autoComplete="off"
          problem={form.problem("typed")}
        />
        <FormFailure error={form.failure} />
        <DialogActions>
          <Button onClick={props.onClose}>{t("word.cancel")}</Button>
          <Button type="submit" look="danger" busy={form.busy}>
            {td("device.remove.submit")}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
