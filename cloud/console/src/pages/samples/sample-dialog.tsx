import { type SampleView, samples } from "@fieldloop/shared/contract/samples";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { client } from "../../api/client.ts";
import { useRefusal } from "../../api/session.ts";
import { FormFailure } from "../../forms/form-failure.tsx";
import { formatBytes, formatDateTime, formatPercent, formatShare } from "../../text/format.ts";
import { ts } from "../../text/t-samples.ts";
import { Button } from "../../ui/button.tsx";
import { Facts } from "../../ui/card.tsx";
import { Dialog, DialogActions } from "../../ui/dialog.tsx";
import { toast } from "../../ui/toast.tsx";
import { SamplePicture } from "./sample-picture.tsx";
import { opinionText, reasonText } from "./sample-text.ts";
import css from "./samples.module.css";

/** One sample in full; j and k go to the next and the one before. */
export function SampleDialog(props: {
  readonly sample: SampleView;
  readonly onMove: (by: 1 | -1) => void;
  readonly onClose: () => void;
}) {
  const { sample, onMove } = props;
  const noMedia = useRefusal("media:view");
  useEffect(() => {
    const onKey = ({ key }: KeyboardEvent) => {
      if (key === "j" || key === "ArrowRight") onMove(1);
      if (key === "k" || key === "ArrowLeft") onMove(-1);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [onMove]);
  return (
    <Dialog title={`${sample.device} · ${sample.camera}`} onClose={props.onClose}>
      {noMedia === undefined ? (
        <SamplePicture sample={sample} />
      ) : (
        <p className="muted">{ts("samples.noMedia", { why: noMedia })}</p>
      )}
      <Facts items={factsOf(sample)} />
      <DialogActions>
        <Button onClick={() => onMove(-1)}>{ts("samples.previous")}</Button>
        <Button onClick={() => onMove(1)}>{ts("samples.next")}</Button>
        <Delete sample={sample} key={sample.digest} onGone={props.onClose} />
      </DialogActions>
    </Dialog>
  );
}

function factsOf(sample: SampleView): [string, React.ReactNode][] {
  const { local, cloud, reasons, hardness, width, height, bytes } = sample;
  const size = ts("samples.sizeText", { width, height, bytes: formatBytes(bytes) });
  return [
    [ts("samples.taken"), formatDateTime(sample.capturedAt)],
    [ts("samples.why"), reasons.map(reasonText).join(", ")],
    [ts("samples.said"), `${opinionText(local)} (${local.model})`],
    [
      ts("samples.cloudSaid"),
      cloud === null ? ts("samples.notAsked") : `${opinionText(cloud)} (${cloud.model})`,
    ],
    ...(hardness === null
      ? []
      : [[ts("samples.hardness"), formatShare(hardness)] satisfies [string, string]]),
    [ts("samples.share"), ts("samples.shareText", { percent: formatPercent(sample.share) })],
    [ts("samples.size"), sample.blurred ? `${size}; ${ts("samples.blurred")}` : size],
    [
      ts("samples.digest"),
      <span key="digest" className={`mono ${css.digest}`}>
        {sample.digest}
      </span>,
    ],
  ];
}

/** Asks once more before a picture is gone for good. */
function Delete(props: { readonly sample: SampleView; readonly onGone: () => void }) {
  const { device, digest } = props.sample;
  const [sure, setSure] = useState(false);
  const refusal = useRefusal("samples:remove");
  const cache = useQueryClient();
  const removal = useMutation({
    mutationFn: () => client.call(samples.remove, { params: { device, digest } }),
    onSuccess: () => {
      toast(ts("samples.deleted"));
      void cache.invalidateQueries({ queryKey: ["samples"] });
      props.onGone();
    },
  });
  return (
    <>
      <FormFailure error={removal.error} />
      <Button
        look="danger"
        refusal={refusal}
        busy={removal.isPending}
        onClick={() => (sure ? removal.mutate() : setSure(true))}
      >
        {sure ? ts("samples.deleteSure") : ts("samples.delete")}
      </Button>
    </>
  );
}
