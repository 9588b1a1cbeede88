import { type ModelSpec, modelTasks } from "@fieldloop/shared/manifest/model";
import css from "../../../forms/form.module.css";
import { tc } from "../../../text/t-compile.ts";
import { SelectField, TextField } from "../../../ui/field.tsx";
import { choiceOf, outputChoices } from "./wish.ts";

/** What a model.yaml says at least; filled in from one where it was loaded. */
export function ModelFields(props: {
  readonly spec: Partial<ModelSpec>;
  readonly problem: (name: string) => string | undefined;
}) {
  const { spec, problem } = props;
  const asFile = ["", tc("ask.asFile")] as const;
  return (
    <>
      <div className={css.pair}>
        <TextField
          label={tc("ask.name")}
          name="name"
          autoComplete="off"
          defaultValue={spec.name}
          problem={problem("name")}
        />
        <TextField
          label={tc("ask.version")}
          name="version"
          autoComplete="off"
          defaultValue={spec.version}
          help={tc("ask.versionHelp")}
          problem={problem("version")}
        />
      </div>
      <div className={css.pair}>
        <SelectField
          label={tc("ask.task")}
          name="task"
          defaultValue={spec.task ?? ""}
          options={[asFile, ...modelTasks.map((task) => [task, tc(`ask.task.${task}`)] as const)]}
          problem={problem("task")}
        />
        <SelectField
          label={tc("ask.output")}
          name="output"
          defaultValue={choiceOf(spec.output)}
          options={[asFile, ...outputChoices.map((one) => [one, tc(`ask.output.${one}`)] as const)]}
          problem={problem("output")}
        />
      </div>
      <TextField
        label={tc("ask.labels")}
        name="labels"
        autoComplete="off"
        defaultValue={spec.labels?.join(", ")}
        help={tc("ask.labelsHelp")}
        problem={problem("labels")}
      />
      <div className={css.pair}>
        <TextField
          label={tc("ask.mean")}
          name="mean"
          autoComplete="off"
          defaultValue={spec.input?.mean?.join(" ")}
          help={tc("ask.meanHelp")}
          problem={problem("mean")}
        />
        <TextField
          label={tc("ask.std")}
          name="std"
          autoComplete="off"
          defaultValue={spec.input?.std?.join(" ")}
          help={tc("ask.stdHelp")}
          problem={problem("std")}
        />
      </div>
    </>
  );
}
