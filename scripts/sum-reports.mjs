/**
 * `node scripts/sum-reports.mjs FOLDER`: sums what steps left there. `NAME.status` holds a step's exit
 * status, `NAME.json` Vitest's report where the step was a suite.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * Tests passed, failed and skipped over all steps.
 * @param steps `status`: exit status; `report`: parsed report, `undefined` where there is none
 */
export function sum(steps) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const { status, report } of steps) {
    const failed = failedIn(report);
    total.passed += report?.numPassedTests ?? 0;
    total.skipped += (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0);
    // A step can fail without any of its tests failing: it crashed, or an error was left unhandled.
    total.failed += status !== 0 && failed === 0 ? 1 : failed;
  }
  return total;
}

/** Failed tests, and files that failed before their first test. */
function failedIn(report) {
  const files = (report?.testResults ?? []).filter(
    ({ status, assertionResults }) =>
      status === "failed" && !assertionResults.some((test) => test.status === "failed"),
  );
  return (report?.numFailedTests ?? 0) + files.length;
}

export function sumText({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

function readSteps(folder) {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".status"))
    .map((file) => {
      const report = join(folder, file.replace(/\.status$/, ".json"));
      const status = Number(readFileSync(join(folder, file), "utf8"));
      return { status, report: existsSync(report) ? parsed(report) : undefined };
    });
}

function parsed(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined; // half a report of a suite that crashed; its exit status says so
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const total = sum(readSteps(process.argv[2] ?? "."));
  console.log(sumText(total));
  process.exitCode = total.failed > 0 ? 1 : 0;
}
