import { benchmarks } from "@fieldloop/shared/contract/benchmarks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { client } from "../../../api/client.ts";
import { benchmarksQuery } from "../../../api/model-queries.ts";
import { fleetQuery } from "../../../api/queries.ts";
import css from "../../../forms/form.module.css";
import { FormFailure } from "../../../forms/form-failure.tsx";
import { useForm } from "../../../hooks/use-form.ts";
import { t } from "../../../text/t.ts";
import { tb } from "../../../text/t-benchmarks.ts";
import { Button } from "../../../ui/button.tsx";
import { Dialog, DialogActions } from "../../../ui/dialog.tsx";
import { SelectField, TextField } from "../../../ui/field.tsx";
import { Loaded } from "../../../ui/states.tsx";
import { toast } from "../../../ui/toast.tsx";

const pairsUsual = 200;

export interface MeasureDialogProps {
  readonly name: string;
  readonly version: string;
  readonly onClose: () => void;
}

/** Asks a device to measure the files of a version. */
export function MeasureDialog(props: MeasureDialogProps) {
  const { name, version, onClose } = props;
  const fleet = useQuery(fleetQuery);
  return (
    <Dialog title={tb("measure.title", { name, version })} onClose={onClose}>
      <p>{tb("measure.lead")}</p>
      <Loaded query={fleet} lines={3}>
        {({ items }) => {
          // The list holds what the person may see; cameras run models, stations label.
          const online = items.filter(
            ({ status, role }) => status === "online" && role === "camera",
          );
          return <MeasureForm {...props} devices={online} />;
        }}
      </Loaded>
    </Dialog>
  );
}

interface MeasureFormProps extends MeasureDialogProps {
  readonly devices: readonly { readonly id: string; readonly profile: string }[];
}

function MeasureForm({ name, version, onClose, devices }: MeasureFormProps) {
  const cache = useQueryClient();
  const form = useForm({
    read: (data) => ({ device: data.get("device"), pairs: Number(data.get("pairs")) }),
    schema: benchmarks.start.body,
    send: async (body) => {
      await client.call(benchmarks.start, { params: { name, version }, body });
      toast(tb("measure.done", { device: body.device, name, version }));
      await cache.invalidateQueries({ queryKey: benchmarksQuery(name, version).queryKey });
      onClose();
    },
  });
  return (
    <form className={css.form} onSubmit={form.onSubmit} noValidate>
      {devices.length === 0 ? (
        <p role="status">{tb("measure.none")}</p>
      ) : (
        <SelectField
          label={tb("measure.device")}
          name="device"
          options={devices.map(({ id, profile }) => [id, tb("measure.option", { id, profile })])}
          help={tb("measure.deviceHelp")}
          problem={form.problem("device")}
        />
      )}
      <TextField
        label={tb("measure.pairs")}
        name="pairs"
        type="number"
        min={20}
        max={2000}
        defaultValue={pairsUsual}
        help={tb("measure.pairsHelp")}
        problem={form.problem("pairs")}
      />
      <FormFailure error={form.failure} />
      <DialogActions>
        <Button onClick={onClose}>{t("word.cancel")}</Button>
        <Button
          type="submit"
          look="primary"
          busy={form.busy}
          refusal={devices.length === 0 ? tb("measure.none") : undefined}
        >
          {tb("measure.submit")}
        </Button>
      </DialogActions>
    </form>
  );
}
