import { requestIdOf } from "../api/client.ts";
import { failureText } from "../hooks/use-form.ts";
import { t } from "../text/t.ts";
import { Glyph } from "../ui/glyph.tsx";
import css from "./form.module.css";

/** What went wrong with a submit, inside the form; stays until the next try. */
export function FormFailure({ error }: { readonly error: unknown }) {
  if (error === undefined || error === null) return null;
  const requestId = requestIdOf(error);
  return (
    <div className={css.failure} role="alert">
      <Glyph tone="critical" />
      <div>
        <p>{failureText(error)}</p>
        {requestId === undefined ? null : (
          <p className={css.request}>{t("state.request", { id: requestId })}</p>
        )}
      </div>
    </div>
  );
}
