import { messageOf } from "@fieldloop/shared/errors";
import { useRef, useState } from "react";
import * as z from "zod/mini";
import en from "zod/v4/locales/en.js";
import { problemsOf } from "../api/client.ts";
import { t } from "../text/t.ts";

// Sentences for what does not fit; only pages with forms carry them.
z.config(en());

export interface FormOptions<Body> {
  /** Turns what was typed into the request's body. */
  readonly read: (data: FormData) => unknown;
  /** Schema of the body, from the contract. */
  readonly schema: { safeParse: (value: unknown) => Parsed<Body> };
  /** Sends it; what it throws is shown. */
  readonly send: (body: Body, form: HTMLFormElement) => Promise<void>;
  /** A check that no schema can express; field name → sentence. */
  readonly check?: (data: FormData) => Readonly<Record<string, string>>;
}

type Parsed<Body> =
  | { readonly success: true; readonly data: Body }
  | {
      readonly success: false;
      readonly error: { readonly issues: readonly { path: PropertyKey[]; message: string }[] };
    };

export interface Form {
  readonly onSubmit: (event: React.FormEvent<HTMLFormElement>) => void;
  /** What is wrong with a field, by the last submit. */
  readonly problem: (name: string) => string | undefined;
  /** What was wrong as a whole. */
  readonly failure: unknown;
  readonly busy: boolean;
}

/** A native form with the contract's schema: checked on submit, the first wrong field gets the focus. */
export function useForm<Body>(options: FormOptions<Body>): Form {
  const [problems, setProblems] = useState<Readonly<Record<string, string>>>({});
  const [failure, setFailure] = useState<unknown>(undefined);
  const [busy, setBusy] = useState(false);
  const running = useRef(false);

  const refuse = (form: HTMLFormElement, next: Readonly<Record<string, string>>) => {
    setProblems(next);
    const first = Array.from(form.elements).find((el) => next[el.getAttribute("name") ?? ""]);
    if (first instanceof HTMLElement) first.focus();
  };

  const submit = async (form: HTMLFormElement) => {
    const data = new FormData(form);
    const parsed = options.schema.safeParse(options.read(data));
    const own = options.check?.(data) ?? {};
    const found = { ...(parsed.success ? {} : byField(parsed.error.issues)), ...own };
    setFailure(undefined);
    if (!parsed.success || Object.keys(found).length > 0) return refuse(form, found);
    setProblems({});
    setBusy(true);
    try {
      await options.send(parsed.data, form);
    } catch (error) {
      const named = byField(problemsOf(error).map((p) => ({ ...p, path: p.path.split(".") })));
      refuse(form, named);
      setFailure(error);
    } finally {
      setBusy(false);
    }
  };

  return {
    busy,
    failure,
    problem: (name) => problems[name],
    onSubmit: (event) => {
      event.preventDefault();
      if (running.current) return;
      running.current = true;
      void submit(event.currentTarget).finally(() => {
        running.current = false;
      });
    },
  };
}

/** A problem counts for the outermost and for the innermost name of its path. */
function byField(issues: readonly { path: readonly PropertyKey[]; message: string }[]) {
  const found: Record<string, string> = {};
  for (const { path, message } of issues) {
    const names = path.filter((part) => part !== "" && part !== "body").map(String);
    for (const name of [names.at(0) ?? "", names.at(-1) ?? ""]) found[name] ??= message;
  }
  return found;
}

/** The sentence for a failed submit. */
export function failureText(error: unknown): string {
  const n = problemsOf(error).length;
  return n === 0 ? messageOf(error) : `${messageOf(error)} (${t("form.unfit", { n })})`;
}
