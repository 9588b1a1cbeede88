import { blobBytesMax } from "@fieldloop/shared/contract/models";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useRefusal } from "../../api/session.ts";
import { Page } from "../../components/page.tsx";
import form from "../../forms/form.module.css";
import { formatBytes } from "../../text/format.ts";
import { tm } from "../../text/t-models.ts";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { TextField } from "../../ui/field.tsx";
import { toast } from "../../ui/toast.tsx";
import css from "./models.module.css";
import { type PushFiles, type PushStep, push } from "./push.ts";
import { UploadOutcome } from "./upload-outcome.tsx";

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
        <UploadOutcome step={step} error={error} />
      </div>
    </Page>
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
