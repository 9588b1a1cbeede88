import { useState } from "react";
import { t } from "../text/t.ts";
import { Button } from "./button.tsx";
import css from "./copyable.module.css";
import { toastError } from "./toast.tsx";

const saidMs = 2000;

/** A command or secret to copy. */
export function Copyable({ text, label }: { readonly text: string; readonly label?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      window.setTimeout(() => setCopied(false), saidMs);
    } catch (error) {
      toastError(String(error));
    }
  };
  return (
    <div className={css.box}>
      <code className={css.text}>{text}</code>
      <Button
        look="quiet"
        icon={copied ? "check" : "copy"}
        label={label === undefined ? undefined : `${t("word.copy")} ${label}`}
        onClick={() => void copy()}
      >
        {copied ? t("word.copied") : t("word.copy")}
      </Button>
    </div>
  );
}
