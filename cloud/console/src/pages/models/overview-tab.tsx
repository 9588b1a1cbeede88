import type { EndpointReply } from "@fieldloop/shared/contract/endpoint";
import type { models } from "@fieldloop/shared/contract/models";
import type { ModelInput, ModelOutput } from "@fieldloop/shared/manifest/model";
import { Link } from "@tanstack/react-router";
import { formatBytes, formatDateTime, formatShare } from "../../text/format.ts";
import { tm } from "../../text/t-models.ts";
import { Card, Facts } from "../../ui/card.tsx";
import { DataTable } from "../../ui/data-table.tsx";
import { Glyph } from "../../ui/glyph.tsx";
import { Empty } from "../../ui/states.tsx";
import { Where } from "./model-page.tsx";
import css from "./models.module.css";

export type Version = EndpointReply<typeof models.version>;

/** What a version is, what it takes and gives, and where it runs. */
export function OverviewTab({ data }: { readonly data: Version }) {
  return (
    <div className={css.split}>
      <div className={css.stack}>
        {data.warnings.length > 0 ? <Warnings warnings={data.warnings} /> : null}
        <FactsCard data={data} />
        <Goldens data={data} />
      </div>
      <div className={css.stack}>
        <Card title={tm("version.running")}>
          <Where version={data} />
          <p>
            <Link to="/devices" search={{ q: `${data.name}@${data.version}` }}>
              {tm("version.devices", { n: data.running })}
            </Link>
          </p>
        </Card>
        <Card title={tm("version.labels")}>
          <ol className={css.tags}>
            {data.document.labels.map((label) => (
              <li key={label} className={css.tag}>
                {label}
              </li>
            ))}
          </ol>
        </Card>
        <InputOutput data={data} />
      </div>
    </div>
  );
}

function Warnings({ warnings }: { readonly warnings: readonly string[] }) {
  return (
    <Card title={tm("version.warnings")}>
      <ul className={css.warnings}>
        {warnings.map((warning) => (
          <li key={warning}>
            <Glyph tone="warn" /> {warning}
          </li>
        ))}
      </ul>
    </Card>
  );
}

function FactsCard({ data }: { readonly data: Version }) {
  const { document } = data;
  return (
    <Card title={tm("version.facts")}>
      <Facts
        items={[
          [tm("version.description"), document.description],
          [tm("version.task"), data.task],
          [tm("version.licence"), data.licence ?? tm("version.noLicence")],
          [tm("version.size"), formatBytes(data.bytes)],
          [
            tm("version.created"),
            `${formatDateTime(data.createdAt)} ${tm("model.by", { who: data.createdBy })}`,
          ],
          [tm("version.confidenceMin"), formatShare(document.confidenceMin)],
          [
            tm("version.manifest"),
            <code key="digest" className={css.digest}>
              {data.manifest}
            </code>,
          ],
        ]}
      />
    </Card>
  );
}

function InputOutput({ data }: { readonly data: Version }) {
  const { variants, output } = data.document;
  return (
    <>
      {variants.map((variant) => (
        <Card key={variant.digest} title={`${tm("version.variant")} ${variant.kind}`}>
          <Facts
            items={[
              [tm("version.size"), formatBytes(variant.bytes)],
              [tm("version.input"), inputText(variant.input)],
              [tm("version.output"), outputText(output)],
              [tm("version.requires"), variant.requires.join(", ") || tm("version.anywhere")],
              [tm("version.temperature"), String(variant.temperature)],
            ]}
          />
        </Card>
      ))}
    </>
  );
}

function inputText({ name, layout, type, width, height, fit, colour, mean, std }: ModelInput) {
  const normalise = tm("version.normalise", { mean: mean.join(" "), std: std.join(" ") });
  return `${name}: ${width} × ${height} ${colour}, ${layout} ${type}, ${fit}, ${normalise}`;
}

function outputText(output: ModelOutput): string {
  if (output.kind === "classification")
    return `${output.scores} (${output.activation}), classification`;
  if (output.kind === "ssd") return `${output.scores}, ${output.boxes} (${output.boxFormat}), SSD`;
  if (output.kind === "yolo") return `${output.output}, YOLO ${output.head}`;
  const tensor = output.kind === "embedding" ? output.embedding : output.scores;
  return `${tensor}, ${output.kind}`;
}

function Goldens({ data }: { readonly data: Version }) {
  const goldens = data.document.variants[0]?.goldens ?? [];
  return (
    <Card title={tm("version.goldens")} flush>
      {goldens.length === 0 ? (
        <Empty title={tm("version.noGoldens")} />
      ) : (
        <DataTable
          label={tm("version.goldens")}
          rows={goldens}
          rowKey={({ image }) => image}
          columns={[
            {
              title: tm("version.golden.image"),
              cell: ({ image }) => <span className="mono">{image.slice(0, 12)}</span>,
            },
            {
              title: tm("version.golden.answer"),
              cell: ({ label, detections, confidence }) =>
                `${label ?? `${detections ?? 0}`} ${formatShare(confidence)}`,
            },
            {
              title: tm("version.golden.tolerance"),
              end: true,
              cell: ({ tolerance }) => `± ${formatShare(tolerance)}`,
            },
          ]}
        />
      )}
    </Card>
  );
}
