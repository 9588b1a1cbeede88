import { useState } from "react";
import { FormFailure } from "../forms/form-failure.tsx";
import { t } from "../text/t.ts";
import { Button } from "../ui/button.tsx";
import { Dialog, DialogActions } from "../ui/dialog.tsx";

export interface ConfirmProps {
  readonly title: string;
  readonly text: string;
  /** The verb on the button. */
  readonly verb: string;
  readonly act: () => Promise<void>;
  readonly onClose: () => void;
}

/** Asks before an act that cannot be undone; stays open and says so when it fails. */
export function Confirm({ title, text, verb, act, onClose }: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(undefined);
  const run = async () => {
    setBusy(true);
    try {
      await act();
      onClose();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{text}</p>
      <FormFailure error={error} />
      <DialogActions>
        <Button onClick={onClose}>{t("word.cancel")}</Button>
        <Button look="danger" busy={busy} onClick={() => void run()}>
          {verb}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
