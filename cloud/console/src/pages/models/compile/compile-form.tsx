import { compileSamplesMax, wantedKinds } from "@fieldloop/shared/contract/compilations";
import { blobBytesMax } from "@fieldloop/shared/contract/models";
import { useRefusal } from "../../../api/session.ts";
import css from "../../../forms/form.module.css";
import type { Form } from "../../../hooks/use-form.ts";
import { formatBytes } from "../../../text/format.ts";
import { tc } from "../../../text/t-compile.ts";
import { tm } from "../../../text/t-models.ts";
import { tr } from "../../../text/t-report.ts";
import { Button } from "../../../ui/button.tsx";
import { Card } from "../../../ui/card.tsx";
import { CheckField, TextField } from "../../../ui/field.tsx";
import models from "../models.module.css";
import compile from "./compile.module.css";
import { ModelFields } from "./model-fields.tsx";
import { PictureFields } from "./picture-fields.tsx";
import type { BaseSpec } from "./use-base-spec.ts";
import type { MaterialFiles } from "./use-material.ts";
import { YamlFields } from "./yaml-fields.tsx";

const usual: readonly string[] = ["int8", "int8-reduced"];

export interface CompileFormProps {
  readonly form: Form;
  readonly base: BaseSpec;
  readonly material: MaterialFiles;
  /** How far the upload is, or what does not fit. */
  readonly children: React.ReactNode;
}

/** The fields of a compilation. */
export function CompileForm({ form, base, material, children }: CompileFormProps) {
  const refusal = useRefusal("models:push");
  const noCrypto = window.isSecureContext ? undefined : tm("push.noCrypto");
  return (
    <form className={compile.split} noValidate onSubmit={form.onSubmit}>
      <Card title={tc("ask.about")}>
        <div className={css.form}>
          <TextField
            label={tc("ask.model")}
            name="model"
            type="file"
            accept=".onnx"
            help={tc("ask.modelHelp", { size: formatBytes(blobBytesMax) })}
            problem={form.problem("model")}
          />
          <YamlFields base={base} />
          <ModelFields key={base.round} spec={base.spec} problem={form.problem} />
        </div>
      </Card>
      <div className={models.stack}>
        <Card title={tc("ask.material")}>
          <PictureFields material={material} max={compileSamplesMax} problem={form.problem} />
        </Card>
        <Card title={tc("ask.files")}>
          <div className={css.form}>
            <fieldset className={css.group}>
              <legend className="visually-hidden">{tc("ask.files")}</legend>
              {wantedKinds.map((kind) => (
                <CheckField
                  key={kind}
                  name="kinds"
                  value={kind}
                  label={
                    <>
                      {tr(`kind.${kind}`)} <span className="muted">{tr(`kindLong.${kind}`)}</span>
                    </>
                  }
                  defaultChecked={usual.includes(kind)}
                />
              ))}
            </fieldset>
            <TextField
              label={tc("ask.loss")}
              name="lossPointsMax"
              type="number"
              min={0}
              max={100}
              step="any"
              defaultValue={0.5}
              help={tc("ask.lossHelp")}
              problem={form.problem("lossPointsMax")}
            />
            <div className={css.start}>
              <Button
                type="submit"
                look="primary"
                icon="upload"
                busy={form.busy}
                refusal={refusal ?? noCrypto}
              >
                {tc("ask.submit")}
              </Button>
            </div>
          </div>
        </Card>
        {children}
      </div>
    </form>
  );
}
