import css from "../../../forms/form.module.css";
import { formatBytes } from "../../../text/format.ts";
import { tc } from "../../../text/t-compile.ts";
import { TextField } from "../../../ui/field.tsx";
import { Status } from "../../../ui/glyph.tsx";
import { readLabels } from "./labels-csv.ts";
import type { MaterialFiles } from "./use-material.ts";
import { picturesProblem } from "./wish.ts";

const fewBelow = 100;

/** Pictures and their labels; what is wrong with them is said at once. */
export function PictureFields(props: {
  readonly material: MaterialFiles;
  readonly max: number;
  readonly problem: (name: string) => string | undefined;
}) {
  const { material, problem } = props;
  const { pictures, labelsText } = material;
  const names = pictures.map(({ name }) => name);
  const wrong = pictures.length === 0 ? undefined : picturesProblem(names);
  const labels = labelsText === undefined ? undefined : readLabels(labelsText, new Set(names), []);
  const wrongLabels =
    labels?.kind === "problem" && pictures.length > 0 ? labels.sentence : undefined;
  const isFew = pictures.length < fewBelow;
  return (
    <div className={css.form}>
      <TextField
        label={tc("ask.pictures")}
        name="samples"
        type="file"
        accept="image/jpeg,image/png,image/webp,image/tiff"
        multiple
        help={tc("ask.picturesHelp", { max: props.max })}
        onChange={(event) => material.setPictures(event.currentTarget.files)}
        problem={wrong ?? problem("samples")}
      />
      <TextField
        label={tc("ask.labelsFile")}
        name="labelsFile"
        type="file"
        accept=".csv,text/csv"
        help={tc("ask.labelsFileHelp")}
        onChange={(event) => void material.setLabels(event.currentTarget.files)}
        problem={wrongLabels ?? problem("labelsFile")}
      />
      <div role="status">
        {pictures.length === 0 || wrong !== undefined ? null : (
          <>
            <Status tone={isFew ? "warn" : "ok"}>
              {tc("ask.chosen", {
                n: pictures.length,
                size: formatBytes(pictures.reduce((sum, { size }) => sum + size, 0)),
                labelled: labels?.kind === "labels" ? labels.of.size : 0,
              })}
            </Status>
            {isFew ? <p>{tc("ask.few")}</p> : null}
          </>
        )}
      </div>
    </div>
  );
}
