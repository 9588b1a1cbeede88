import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
export const chromiumPath = process.env.CHROMIUM ?? places.find((path) => existsSync(path));

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

/** A headless Chromium with a profile of its own; `failures` collects what pages complain about. */
export async function openBrowser() {
  const profile = await mkdtemp(join(tmpdir(), "fieldloop-chromium-"));
  const context: BrowserContext = await chromium.launchPersistentContext(profile, {
    ...(chromiumPath === undefined ? {} : { executablePath: chromiumPath }),
    args: flags,
    viewport: { width: 1280, height: 800 },
  });
  context.setDefaultTimeout(30_000);
  const failures: string[] = [];
  context.on("weberror", (error) => failures.push(String(error.error())));
  context.on("console", (message) => {
    if (message.type() === "error") failures.push(`${message.text()} ${message.location().url}`);
  });
  const close = async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  };
  return { context, page: context.pages()[0] ?? (await context.newPage()), failures, close };
}

const axeFile = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const axeTags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** What axe-core finds wrong with the page as it stands: one line each, with the element. */
export async function axeViolations(page: Page): Promise<string[]> {
  await page.evaluate(await readFile(axeFile, "utf8"));
  return await page.evaluate(async (tags) => {
    // biome-ignore lint/suspicious/noExplicitAny: axe is a script without types here
    const { violations } = await (globalThis as any).axe.run({ runOnly: tags });
    return violations.flatMap((v: { id: string; help: string; nodes: { target: string[] }[] }) =>
      v.nodes.map((node) => `${v.id}: ${v.help} (${node.target.join(" ")})`),
    );
  }, axeTags);
}
