import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { Page } from "../../../components/page.tsx";
import { useForm } from "../../../hooks/use-form.ts";
import { tc } from "../../../text/t-compile.ts";
import { toast } from "../../../ui/toast.tsx";
import type { PushStep } from "../push.ts";
import { UploadOutcome } from "../upload-outcome.tsx";
import { CompileForm } from "./compile-form.tsx";
import { startCompilation } from "./compile-upload.ts";
import { type BaseSpec, useBaseSpec } from "./use-base-spec.ts";
import { useMaterial } from "./use-material.ts";
import { readWish, triplesProblems, typedWish } from "./wish.ts";

/** Has the server compile a model: what it is, pictures, what to make of it. */
export function CompilePage() {
  const cache = useQueryClient();
  const navigate = useNavigate();
  const base: BaseSpec = useBaseSpec();
  const material = useMaterial();
  const [step, setStep] = useState<PushStep | undefined>(undefined);
  const leaving = useAbortOnLeave();
  const form = useForm({
    read: (data) => readWish(data, base.spec),
    schema: typedWish,
    check: (data) => ({ ...triplesProblems(data), ...material.problems(data) }),
    send: async (wish, element) => {
      try {
        const files = material.read(new FormData(element));
        const { id, name, version } = await startCompilation(wish, files, setStep, leaving());
        toast(tc("ask.done", { name, version }));
        void cache.invalidateQueries({ queryKey: ["compilations"] });
        await navigate({ to: "/models/compilations/$id", params: { id } });
      } finally {
        setStep(undefined);
      }
    },
  });
  return (
    <Page title={tc("ask.title")}>
      <p className="muted">{tc("ask.lead")}</p>
      <CompileForm form={form} base={base} material={material}>
        <UploadOutcome step={step} error={form.failure} refused={tc("ask.refused")} />
      </CompileForm>
    </Page>
  );
}

/** Whoever leaves the page does not start anything any more. */
function useAbortOnLeave(): () => AbortSignal {
  const controller = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => controller.current?.abort(), []);
  return () => {
    controller.current = new AbortController();
    return controller.current.signal;
  };
}
