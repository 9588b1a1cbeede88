import type { FieldProblem } from "../../api/client.ts";
import { tm } from "../../text/t-models.ts";
import css from "./models.module.css";

/** What does not fit, by its path in the manifest or the request. */
export function ProblemList({ problems }: { readonly problems: readonly FieldProblem[] }) {
  if (problems.length === 0) return null;
  return (
    <ul className={css.problems} aria-label={tm("push.problems")}>
      {problems.map(({ path, message }) => (
        <li key={`${path} ${message}`}>
          <code>{path}</code>
          {message}
        </li>
      ))}
    </ul>
  );
}
