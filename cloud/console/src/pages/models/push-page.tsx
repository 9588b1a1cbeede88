import { blobBytesMax } from "@fieldloop/shared/contract/models";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { problemsOf } from "../../api/client.ts";
import { useRefusal } from "../../api/session.ts";
import { Page } from "../../components/page.tsx";
import form from "../../forms/form.module.css";
import { FormFailure } from "../../forms/form-failure.tsx";
import { formatBytes, formatProgress } from "../../text/format.ts";
import { t } from "../../text/t.ts";
import { tm } from "../../text/t-models.ts";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { TextField } from "../../ui/field.tsx";
import { Meter } from "../../ui/meter.tsx";
import { toast } from "../../ui/toast.tsx";
import css from "./models.module.css";
import { type PushFiles, type PushStep, push } from "./push.ts";

/** Pushes a model version from the browser. */
export function PushPage() {
  const cache = useQueryClient();
  const navigate = useNavigate();
  const refusal = useRefusal("models:push");
  const [missing, setMissing] = useState<readonly string[]>([]);
  const [step, setStep] = useState<PushStep | undefined>(undefined);
  const [error, setError] = useState<unknown>(undefined);

  const submit = async (element: HTMLFormElement) => {
    const files = filesOf(new FormData(element));
    setError(undefined);
    setMissing(files.kind === "missing" ? files.names : []);
    if (files.kind === "missing" || step !== undefined) return;
    try {
      const { name, version } = await push(files, setStep);
      toast(tm("push.done", { name, version }));
      void cache.invalidateQueries({ queryKey: ["models"] });
      void cache.invalidateQueries({ queryKey: ["model", name] });
      await navigate({ to: "/models/$name", params: { name } });
    } catch (failure) {
      setError(failure);
    } finally {
      setStep(undefined);
    }
  };
  const problem = (name: string) => (missing.includes(name) ? tm("push.needFile") : undefined);
  const noCrypto = window.isSecureContext ? undefined : tm("push.noCrypto");

  return (
    <Page title={tm("push.title")}>
      <p className="muted">{tm("push.lead")}</p>
      <div className={css.push}>
        <Card title={tm("push.title")}>
          <form
            className={form.form}
            noValidate
            onSubmit={(event) => {
              event.preventDefault();
              void submit(event.currentTarget);
            }}
          >
            <TextField
              label={tm("push.model")}
              name="model"
              type="file"
              accept=".onnx"
              help={tm("push.modelHelp", { size: formatBytes(blobBytesMax) })}
              problem={problem("model")}
            />
            <TextField
              label={tm("push.manifest")}
              name="manifest"
              type="file"
              accept=".yaml,.yml"
              help={tm("push.manifestHelp")}
              problem={problem("manifest")}
            />
            <TextField
              label={tm("push.goldens")}
              name="goldens"
              type="file"
              accept="image/jpeg,image/png"
              multiple
              help={tm("push.goldensHelp")}
            />
            <div className={form.start}>
              <Button
                type="submit"
                look="primary"
                icon="upload"
                busy={step !== undefined}
                refusal={refusal ?? noCrypto}
              >
                {tm("push.submit")}
              </Button>
            </div>
          </form>
        </Card>
        <Outcome step={step} error={error} />
      </div>
    </Page>
  );
}

/** How far it is, or what does not fit. */
function Outcome(props: { readonly step: PushStep | undefined; readonly error: unknown }) {
  const { step, error } = props;
  if (step !== undefined)
    return (
      <Card title={tm("push.progress")}>
        <div className={css.steps}>
          <p role="status">{step.text}…</p>
          <Meter value={step.bytesDone} max={step.bytesTotal} label={tm("push.progress")}>
            {formatProgress(step.bytesDone, step.bytesTotal)},{" "}
            {t("word.of", {
              done: formatBytes(step.bytesDone),
              total: formatBytes(step.bytesTotal),
            })}
          </Meter>
        </div>
      </Card>
    );
  if (error === undefined) return null;
  const problems = problemsOf(error);
  return (
    <Card title={tm("push.refused")}>
      <div className={css.steps}>
        <FormFailure error={error} />
        {problems.length === 0 ? null : (
          <ul className={css.problems} aria-label={tm("push.problems")}>
            {problems.map(({ path, message }) => (
              <li key={`${path} ${message}`}>
                <code>{path}</code>
                {message}
              </li>
            ))}
          </ul>
        )}
      </div>
    </Card>
  );
}

type Chosen =
  | ({ readonly kind: "chosen" } & PushFiles)
  | { readonly kind: "missing"; readonly names: readonly string[] };

function filesOf(data: FormData): Chosen {
  const given = (name: string) =>
    data.getAll(name).filter((file): file is File => file instanceof File && file.size > 0);
  const [model] = given("model");
  const [manifest] = given("manifest");
  if (model !== undefined && manifest !== undefined)
    return { kind: "chosen", model, manifest, goldens: given("goldens") };
  const names = [...(model ? [] : ["model"]), ...(manifest ? [] : ["manifest"])];
  return { kind: "missing", names };
}
