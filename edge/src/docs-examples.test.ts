import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { readConfig } from "./config.ts";

const examplesOf = (page: string): string[] => {
  const text = readFileSync(fileURLToPath(new URL(`../../docs/${page}`, import.meta.url)), "utf8");
  return [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, example = ""]) => example);
};

it.each(["tracking.md", "outputs.md"])("docs/%s shows configurations that are read", (page) => {
  const examples = examplesOf(page);
  expect(examples.length).toBeGreaterThan(0);
  for (const example of examples) expect(() => readConfig(example, {}, page)).not.toThrow();
});

it("the outputs of docs/outputs.md are those of its text", () => {
  const [example = ""] = examplesOf("outputs.md");
  const { outputs } = readConfig(example, {}, "outputs.md");
  expect(outputs.map(({ name, kind, deadlineMs }) => [name, kind, deadlineMs])).toEqual([
    ["kick", "command", 300],
    ["home", "mqtt", 1000],
    ["log-book", "webhook", 5000],
  ]);
});
