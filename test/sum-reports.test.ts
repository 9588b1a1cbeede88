import { expect, it } from "vitest";
import { sum, sumText } from "../scripts/sum-reports.mjs";

const report = (passed: number, failed: number, skipped: number, files: unknown[] = []) => ({
  numPassedTests: passed,
  numFailedTests: failed,
  numPendingTests: skipped,
  numTodoTests: 0,
  testResults: files,
});

it("sums every suite and leaves steps that went well out", () => {
  const steps = [
    { status: 0, report: undefined },
    { status: 0, report: report(10, 0, 2) },
    { status: 1, report: report(5, 3, 0) },
  ];
  expect(sumText(sum(steps))).toBe("15 passed, 3 failed, 2 skipped");
});

it("counts a step that failed without a failed test", () => {
  expect(sum([{ status: 1, report: undefined }]).failed).toBe(1);
  expect(sum([{ status: 139, report: report(4, 0, 0) }])).toEqual({
    passed: 4,
    failed: 1,
    skipped: 0,
  });
});

it("counts a file that failed before its first test", () => {
  const broken = { status: "failed", assertionResults: [] };
  const known = { status: "failed", assertionResults: [{ status: "failed" }] };
  expect(sum([{ status: 1, report: report(4, 1, 0, [broken, known]) }]).failed).toBe(2);
});
