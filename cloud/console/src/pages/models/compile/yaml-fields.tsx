import { useId, useRef } from "react";
import { problemsOf } from "../../../api/client.ts";
import { FormFailure } from "../../../forms/form-failure.tsx";
import { tc } from "../../../text/t-compile.ts";
import { Button } from "../../../ui/button.tsx";
import field from "../../../ui/field.module.css";
import { TextField } from "../../../ui/field.tsx";
import { Status } from "../../../ui/glyph.tsx";
import { ProblemList } from "../problem-list.tsx";
import css from "./compile.module.css";
import type { BaseSpec } from "./use-base-spec.ts";

/** A model.yaml, chosen or pasted: it fills in the fields that follow. */
export function YamlFields({ base }: { readonly base: BaseSpec }) {
  const pasteId = useId();
  const pasted = useRef<HTMLTextAreaElement>(null);
  const takePasted = () =>
    void base.load(new File([pasted.current?.value ?? ""], tc("ask.pasted")));
  return (
    <div className={css.yaml}>
      <TextField
        label={tc("ask.yaml")}
        name="yaml"
        type="file"
        accept=".yaml,.yml"
        help={tc("ask.yamlHelp")}
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          if (file !== undefined) void base.load(file);
        }}
      />
      <details className={css.paste}>
        <summary>{tc("ask.paste")}</summary>
        <div className={field.field}>
          <label htmlFor={pasteId}>{tc("ask.pasteText")}</label>
          <textarea id={pasteId} ref={pasted} rows={8} spellCheck={false} className="mono" />
          <span>
            <Button onClick={takePasted}>{tc("ask.pasteUse")}</Button>
          </span>
        </div>
      </details>
      <div role="status">
        {base.name === undefined ? null : (
          <Status tone="ok">{tc("ask.filled", { name: base.name })}</Status>
        )}
      </div>
      <FormFailure error={base.error} />
      <ProblemList problems={problemsOf(base.error)} />
    </div>
  );
}
