import { expect, it } from "vitest";
import { progressLine } from "./progress.ts";
import { facts, table } from "./table.ts";

const columns = [
  { title: "NAME", cell: (row: { name: string; n: number | null }) => row.name },
  { title: "N", cell: (row: { name: string; n: number | null }) => row.n, right: true as const },
];

it("aligns columns and shows a dash for nothing", () => {
  const rows = [
    { name: "a", n: 12 },
    { name: "longer", n: null },
  ];
  expect(table(rows, columns)).toBe("NAME     N\na       12\nlonger   -\n");
});

it("makes headings bold only where asked", () => {
  expect(table([], columns, { bold: true })).toBe("\u001b[1mNAME  N\u001b[22m\n");
  expect(table([], columns)).not.toContain("\u001b");
});

it("leaves out facts without a value", () => {
  expect(
    facts([
      ["id", "cam-1"],
      ["site", null],
      ["status", "online"],
    ]),
  ).toBe("id      cam-1\nstatus  online\n");
});

it("draws progress from nothing to all", () => {
  expect(progressLine("m.onnx", 0, 2000)).toBe(
    "m.onnx  [........................]   0 %  0 B of 2.00 kB",
  );
  expect(progressLine("m.onnx", 1000, 2000)).toContain("[############............]  50 %");
  expect(progressLine("m.onnx", 2000, 2000)).toContain("[########################] 100 %");
});
