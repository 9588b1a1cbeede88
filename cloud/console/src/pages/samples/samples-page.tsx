import type { SampleView } from "@fieldloop/shared/contract/samples";
import { sampleReasons } from "@fieldloop/shared/samples/sample";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useState } from "react";
import { useRefusal } from "../../api/session.ts";
import { Page } from "../../components/page.tsx";
import { formatDateTime } from "../../text/format.ts";
import { t } from "../../text/t.ts";
import { ts } from "../../text/t-samples.ts";
import { Button } from "../../ui/button.tsx";
import { SelectField, TextField } from "../../ui/field.tsx";
import { Empty, Forbidden, Loaded } from "../../ui/states.tsx";
import { SampleDialog } from "./sample-dialog.tsx";
import { SamplePicture } from "./sample-picture.tsx";
import { differs, opinionText, reasonText } from "./sample-text.ts";
import css from "./samples.module.css";
import { type SampleFilters, samplesQuery } from "./samples-queries.ts";

const command = "npx --no-install fieldloop devices samples DEVICE --upload on";

/** Pictures that devices found worth a person's look. */
export function SamplesPage() {
  const refusal = useRefusal("samples:read");
  const filters = useSearch({ from: "/inside/samples" });
  return (
    <Page title={ts("samples.title")}>
      {refusal === undefined ? (
        <>
          <Filters filters={filters} key={JSON.stringify(filters)} />
          <Grid filters={filters} />
        </>
      ) : (
        <Forbidden why={refusal} />
      )}
    </Page>
  );
}

function Filters({ filters }: { readonly filters: SampleFilters }) {
  const navigate = useNavigate({ from: "/samples" });
  const onSubmit = (event: React.FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const entries = ["device", "label", "reason"].flatMap((name) => {
      const value = String(data.get(name) ?? "").trim();
      return value === "" ? [] : [[name, value]];
    });
    void navigate({ search: Object.fromEntries(entries) });
  };
  return (
    <form className={css.filters} onSubmit={onSubmit} aria-label={ts("samples.filters")}>
      <TextField label={ts("samples.device")} name="device" defaultValue={filters.device ?? ""} />
      <TextField label={ts("samples.label")} name="label" defaultValue={filters.label ?? ""} />
      <SelectField
        label={ts("samples.reason")}
        name="reason"
        defaultValue={filters.reason ?? ""}
        options={[
          ["", ts("samples.anyReason")],
          ...sampleReasons.map((reason) => [reason, reasonText(reason)] as const),
        ]}
      />
      <Button type="submit">{ts("samples.apply")}</Button>
    </form>
  );
}

function Grid({ filters }: { readonly filters: SampleFilters }) {
  const query = useInfiniteQuery(samplesQuery(filters));
  return (
    <Loaded query={query} lines={8}>
      {({ pages }) => {
        const rows = pages.flatMap((page) => page.items);
        if (rows.length === 0) return <NoSamples filtered={Object.keys(filters).length > 0} />;
        const total = pages[0]?.total ?? rows.length;
        return (
          <>
            <p className="muted">{ts("samples.count", { n: rows.length, total })}</p>
            <Cards rows={rows} />
            {query.hasNextPage ? (
              <Button look="quiet" onClick={() => void query.fetchNextPage()}>
                {t("word.more")}
              </Button>
            ) : null}
          </>
        );
      }}
    </Loaded>
  );
}

function NoSamples({ filtered }: { readonly filtered: boolean }) {
  if (filtered) return <Empty title={ts("samples.noneFound")} />;
  return (
    <Empty title={ts("samples.none")} command={command}>
      <p>{ts("samples.noneHint")}</p>
    </Empty>
  );
}

function Cards({ rows }: { readonly rows: readonly SampleView[] }) {
  const [open, setOpen] = useState<number | undefined>(undefined);
  const move = useCallback(
    (by: 1 | -1) =>
      setOpen((at) => (at === undefined ? at : Math.min(rows.length - 1, Math.max(0, at + by)))),
    [rows.length],
  );
  const shown = open === undefined ? undefined : rows[open];
  return (
    <>
      <ul className={css.grid}>
        {rows.map((sample, i) => (
          <li key={`${sample.device}-${sample.digest}`}>
            <SampleCard sample={sample} onOpen={() => setOpen(i)} />
          </li>
        ))}
      </ul>
      {shown === undefined ? null : (
        <SampleDialog sample={shown} onMove={move} onClose={() => setOpen(undefined)} />
      )}
    </>
  );
}

function SampleCard(props: { readonly sample: SampleView; readonly onOpen: () => void }) {
  const { sample, onOpen } = props;
  const { device, camera, capturedAt, local, cloud, reasons } = sample;
  const noMedia = useRefusal("media:view");
  const time = formatDateTime(capturedAt);
  return (
    <article className={css.card}>
      <button
        type="button"
        className={css.open}
        aria-label={ts("samples.open", { device, time })}
        onClick={onOpen}
      >
        {noMedia === undefined ? (
          <SamplePicture sample={sample} />
        ) : (
          <span className={css.unseen}>{ts("samples.noMedia", { why: noMedia })}</span>
        )}
      </button>
      <p>
        <b>{opinionText(local)}</b>
        {cloud !== null && differs(local, cloud) ? (
          <span className={css.differs}>
            {" "}
            {ts("samples.cloudSaid")}: {opinionText(cloud)}
          </span>
        ) : null}
      </p>
      <p>
        {device} · {camera}
      </p>
      <p className="muted">{reasons.map(reasonText).join(", ")}</p>
      <p className="muted">{time}</p>
    </article>
  );
}
