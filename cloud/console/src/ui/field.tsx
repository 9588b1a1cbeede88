import { useId } from "react";
import css from "./field.module.css";

interface Common {
  readonly label: string;
  readonly name: string;
  readonly help?: string | undefined;
  readonly problem?: string | undefined;
  readonly required?: boolean | undefined;
}

export interface TextFieldProps extends Common {
  readonly type?: "text" | "email" | "password" | "number" | "file";
  readonly autoComplete?: string | undefined;
  readonly defaultValue?: string | number | undefined;
  readonly value?: string | undefined;
  readonly onChange?: ((event: React.ChangeEvent<HTMLInputElement>) => void) | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly step?: number | "any" | undefined;
  readonly accept?: string | undefined;
  readonly multiple?: boolean | undefined;
  readonly placeholder?: string | undefined;
}

/** A labelled input; help and problem are tied to it. */
export function TextField(props: TextFieldProps) {
  const { label, help, problem, type = "text", ...input } = props;
  const id = useId();
  return (
    <div className={css.field}>
      <label htmlFor={id}>{label}</label>
      <input id={id} type={type} spellCheck={false} {...input} {...described(id, help, problem)} />
      <Notes id={id} help={help} problem={problem} />
    </div>
  );
}

export interface SelectFieldProps extends Common {
  readonly options: readonly (readonly [value: string, text: string])[];
  readonly defaultValue?: string | undefined;
  readonly value?: string | undefined;
  readonly onChange?: ((value: string) => void) | undefined;
}

export function SelectField(props: SelectFieldProps) {
  const { label, help, problem, options, onChange, ...select } = props;
  const id = useId();
  return (
    <div className={css.field}>
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        {...select}
        {...(onChange === undefined
          ? {}
          : { onChange: (event) => onChange(event.currentTarget.value) })}
        {...described(id, help, problem)}
      >
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      <Notes id={id} help={help} problem={problem} />
    </div>
  );
}

export function CheckField(props: {
  readonly label: React.ReactNode;
  readonly name: string;
  readonly value: string;
  readonly defaultChecked?: boolean;
}) {
  const { label, ...input } = props;
  return (
    <label className={css.check}>
      <input type="checkbox" {...input} />
      <span>{label}</span>
    </label>
  );
}

function described(id: string, help: string | undefined, problem: string | undefined) {
  const ids = [help && `${id}-help`, problem && `${id}-problem`].filter(Boolean).join(" ");
  return {
    "aria-describedby": ids === "" ? undefined : ids,
    "aria-invalid": problem === undefined ? undefined : (true as const),
  };
}

function Notes(props: {
  readonly id: string;
  readonly help: string | undefined;
  readonly problem: string | undefined;
}) {
  return (
    <>
      {props.help === undefined ? null : (
        <p id={`${props.id}-help`} className={css.help}>
          {props.help}
        </p>
      )}
      {props.problem === undefined ? null : (
        <p id={`${props.id}-problem`} className={css.problem}>
          {props.problem}
        </p>
      )}
    </>
  );
}
