import { type ModelVersion, models } from "@fieldloop/shared/contract/models";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client.ts";
import { fleetQuery } from "../../api/queries.ts";
import css from "../../forms/form.module.css";
import { FormFailure } from "../../forms/form-failure.tsx";
import { useForm } from "../../hooks/use-form.ts";
import { t } from "../../text/t.ts";
import { tm } from "../../text/t-models.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog, DialogActions } from "../../ui/dialog.tsx";
import { SelectField } from "../../ui/field.tsx";
import { toast } from "../../ui/toast.tsx";
import { fleetAlias, type Moves, movesOf } from "./promote-moves.ts";

export interface PromoteDialogProps {
  readonly version: ModelVersion;
  /** All versions of the model, for what its aliases point at now. */
  readonly versions: readonly ModelVersion[];
  readonly onClose: () => void;
}

/** Points an alias at a version, after saying how many devices that moves. */
export function PromoteDialog({ version: target, versions, onClose }: PromoteDialogProps) {
  const { name, version } = target;
  const cache = useQueryClient();
  const [alias, setAlias] = useState<string>(fleetAlias);
  const { data: fleet } = useQuery(fleetQuery);
  const known = versions.flatMap((one) => one.aliases);
  const groups = (fleet?.items ?? []).flatMap(({ group }) => group ?? []);
  const aliases = [...new Set([fleetAlias, ...known, ...groups])];
  const from = versions.find((one) => one.aliases.includes(alias))?.version;
  const form = useForm({
    read: () => ({ version }),
    schema: models.promote.body,
    send: async (body) => {
      const reply = await client.call(models.promote, { params: { name, alias }, body });
      toast(tm("promote.done", { alias, version, n: reply.devices }));
      await Promise.all(
        [["models"], ["model", name], ["devices"]].map((queryKey) =>
          cache.invalidateQueries({ queryKey }),
        ),
      );
      onClose();
    },
  });
  const moves = fleet && movesOf(fleet, versions, { name, version, alias });
  return (
    <Dialog title={tm("promote.title", { name, version })} onClose={onClose}>
      <form className={css.form} onSubmit={form.onSubmit}>
        <SelectField
          label={tm("promote.alias")}
          name="alias"
          value={alias}
          onChange={setAlias}
          options={aliases.map((one) => [one, one] as const)}
          help={tm("promote.aliasHelp")}
        />
        <p role="status">
          {from === version
            ? tm("promote.already", { alias, version })
            : movesText(moves, from, version)}
        </p>
        <FormFailure error={form.failure} />
        <DialogActions>
          <Button onClick={onClose}>{t("word.cancel")}</Button>
          <Button
            type="submit"
            look="primary"
            busy={form.busy}
            refusal={from === version ? tm("promote.already", { alias, version }) : undefined}
          >
            {tm("promote.submit", { alias })}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

/** Nothing where the devices are not known (yet): no number is better than a wrong one. */
function movesText(moves: Moves | undefined, from: string | undefined, version: string): string {
  if (moves === undefined) return "";
  const { n, isExact } = moves;
  if (n === 0 && isExact) return tm("promote.movesNone");
  const atLeast = isExact ? "" : tm("promote.atLeast");
  return from === undefined
    ? tm("promote.moves", { atLeast, n, version })
    : tm("promote.movesFrom", { atLeast, n, from, version });
}
