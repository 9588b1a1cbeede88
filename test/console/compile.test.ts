/** Compiling in the console: a real browser, a real cloud, a model that compiles in seconds. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { benchmarks } from "@fieldloop/shared/contract/benchmarks";
import { models } from "@fieldloop/shared/contract/models";
import { people } from "@fieldloop/shared/contract/people";
import type { CompileReport, VariantReport } from "@fieldloop/shared/manifest/compile-report";
import type { Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { axeViolations, chromiumPath, openBrowser } from "../support/browser.ts";
import { pushEggGrader } from "../support/fleet.ts";
import {
  adminClient,
  type Cloud,
  freePort,
  repository,
  scratchFolder,
  startCloud,
} from "../support/processes.ts";
import { redOrBlue, redOrBluePicture, redOrBlueSpec } from "../support/red-or-blue.ts";

const shots = process.env.FIELDLOOP_SCREENSHOTS;
const picturesCount = 80;
const versionPage = "/models/red-or-blue/v/1.0.0";

/** As the contract has them: what devices answer is tested where they do. */
const measurement = {
  id: "m-1",
  name: "red-or-blue",
  version: "1.0.0",
  device: "dock-1",
  profile: "dock-pi",
  state: "done",
  pairs: 200,
  error: null,
  figures: {
    processor: "Cortex-A76",
    features: ["dot-product", "int8-dot", "asimd"],
    threads: 4,
    rssBytes: 212_000_000,
    temperatureC: 61.4,
    variants: [
      {
        kind: "int8",
        provider: "cpu",
        latency: {
          pairs: 200,
          referenceMs: { p50: 31.2, p95: 34 },
          subjectMs: { p50: 9.8, p95: 12.1 },
          ratioMedian: 3.18,
          ratioLower90: 3.1,
        },
      },
    ],
    passedOver: [{ kind: "float16", reason: "it needs cuda, and this device has none" }],
  },
  requestedAt: 1_790_000_000_000,
  requestedBy: "Olga",
  finishedAt: 1_790_000_060_000,
};
const measurements = [
  measurement,
  { ...measurement, id: "m-2", finishedAt: 1_789_000_000_000 },
  {
    ...measurement,
    ...{ id: "m-3", device: "dock-2", state: "failed", figures: null },
    error: "The device ran out of memory while it loaded float32.",
  },
  {
    ...measurement,
    id: "m-4",
    device: "dock-3",
    state: "waiting",
    figures: null,
    finishedAt: null,
  },
];

interface Upload {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}
const upload = (name: string, mimeType: string, bytes: Uint8Array | string): Upload => ({
  name,
  mimeType,
  buffer: Buffer.from(bytes),
});

describe.skipIf(chromiumPath === undefined)(
  "compiling in the console (skipped where Chromium is absent)",
  () => {
    let scratch: Awaited<ReturnType<typeof scratchFolder>>;
    let cloud: Cloud;
    let browser: Awaited<ReturnType<typeof openBrowser>>;
    let page: Page;
    let report: CompileReport;
    const pictures: Upload[] = [];
    const labels = ["file,label"];

    beforeAll(async () => {
      scratch = await scratchFolder();
      const ports = { httpPort: await freePort(), mqttPort: await freePort() };
      cloud = await startCloud({ folder: scratch.path, ...ports });
      for (let i = 0; i < picturesCount; i++) {
        const { name, label, jpeg } = await redOrBluePicture(i);
        pictures.push(upload(name, "image/jpeg", jpeg));
        labels.push(`${name},${label}`);
      }
      browser = await openBrowser();
      page = browser.page;
      await page.goto(cloud.loginLink);
      await page.getByRole("heading", { name: "Devices" }).waitFor();
    });

    afterAll(async () => {
      await browser?.close();
      await cloud?.stop();
      await scratch?.remove();
    });

    /** Every test ends on a page that must be accessible and quiet. */
    afterEach(async ({ task }) => {
      await shoot(task.name);
      expect(await axeViolations(page)).toEqual([]);
      expect(await overflowing()).toEqual([]);
      expect(browser.failures.splice(0)).toEqual([]);
    });

    /** What sticks out of the page, other than in a box that scrolls. */
    const overflowing = () =>
      page.evaluate(() => {
        const scrolls = (element: Element | null): boolean =>
          element !== null &&
          (/auto|scroll/.test(getComputedStyle(element).overflowX) ||
            scrolls(element.parentElement?.closest("main *") ?? null));
        const { clientWidth, scrollWidth } = document.documentElement;
        const wide = [...document.querySelectorAll("main *")].filter(
          (element) =>
            element.getBoundingClientRect().right > clientWidth + 1 &&
            element.closest(".visually-hidden") === null &&
            !scrolls(element.parentElement),
        );
        const all = scrollWidth > clientWidth ? [document.documentElement, ...wide] : wide;
        return all.map(({ tagName, textContent }) => `${tagName} ${textContent?.slice(0, 60)}`);
      });

    async function shoot(name: string): Promise<void> {
      if (shots === undefined) return;
      const path = join(shots, `${name.replaceAll(/\W+/g, "-")}.png`);
      const { width = 0, height = 0 } = page.viewportSize() ?? {};
      const whole = await page.evaluate(() =>
        Math.max(...[...document.querySelectorAll("*")].map((element) => element.scrollHeight)),
      );
      await page.setViewportSize({ width, height: Math.min(5000, whole + 120) });
      await page.screenshot({ path });
      await page.setViewportSize({ width, height });
    }

    const open = async (path: string) => {
      await page.goto(`${cloud.url}${path}`);
      await page.getByRole("heading", { level: 1 }).waitFor();
    };
    const submit = () => page.getByRole("button", { name: "Upload and compile" }).click();
    const choose = async (spec: object, model: Uint8Array, labelsCsv: string) => {
      const onnx = upload("model.onnx", "application/octet-stream", model);
      await page.getByLabel("Model file").setInputFiles(onnx);
      const yaml = upload("model.yaml", "text/yaml", stringify(spec));
      await page.getByLabel("model.yaml", { exact: true }).setInputFiles(yaml);
      await page.getByText("model.yaml is filled in.").waitFor();
      await page.getByLabel("Pictures", { exact: true }).setInputFiles(pictures);
      await page
        .getByLabel("labels.csv")
        .setInputFiles(upload("labels.csv", "text/csv", labelsCsv));
    };
    const cellsOf = (row: Locator) => row.getByRole("cell").allTextContents();
    /** Texts of a table's cells, without its heading. */
    const rowsOf = async (table: Locator) => {
      await table.waitFor();
      const [, ...rows] = await table.getByRole("row").all();
      return await Promise.all(rows.map(cellsOf));
    };
    const file = (kind: VariantReport["kind"]): VariantReport => {
      const found = report.variants.find((variant) => variant.kind === kind);
      if (found === undefined) throw new Error(`the report has no ${kind}`);
      return found;
    };

    it("shows a row without compilations, and how to get one", async () => {
      await open("/models/compilations");
      await page.getByText("No compilation yet").waitFor();
      await page.getByText("npx --no-install fieldloop models compile").waitFor();
    });

    it("says of a version that was not compiled what can be done", async () => {
      await pushEggGrader(cloud.url, "1.0.0");
      await open("/models/egg-grader/v/1.0.0");
      await page.getByRole("tab", { name: "Compilation" }).click();
      await page.getByText("This version was not compiled").waitFor();
      browser.failures.splice(0); // the browser itself reports the 404
      await page.getByRole("link", { name: "Compile a model here" }).click();
      await page.getByRole("heading", { name: "Compile a model" }).waitFor();
    });

    it("says at the fields what is missing or does not fit", async () => {
      await open("/models/compile");
      await submit();
      await page.getByText("choose the model's ONNX file").waitFor();
      await page.getByText("choose pictures", { exact: true }).waitFor();
      await choose({ ...redOrBlueSpec, version: "1.0.0" }, redOrBlue(), "000.jpg,green\n");
      await page.getByLabel("Input std").fill("1 0 1");
      await submit();
      await page.getByText("write three numbers that are not 0").waitFor();
      await page.getByText("line 1: the model does not know green, but red, blue").waitFor();
    });

    it("compiles a model from files and shows it ending without a reload", async () => {
      await open("/models/compile");
      await choose(redOrBlueSpec, redOrBlue(), labels.join("\n"));
      expect(await page.getByLabel("Classes").inputValue()).toBe("red, blue");
      expect(await page.getByLabel("Input std").inputValue()).toBe("255 255 255");
      await page.getByText(`80 labelled`).waitFor();
      await submit();
      await page.getByRole("heading", { name: "Compilation of red-or-blue 1.0.0" }).waitFor();
      await page.getByText("red-or-blue 1.0.0 is registered.").waitFor();
      const params = { name: "red-or-blue", version: "1.0.0" };
      report = await adminClient(cloud.url).call(models.report, { params });
      await page.getByText(report.outcome).first().waitFor();
      browser.failures.splice(0); // whether the model's file is stored already is asked first
    });

    it("shows in the version's tab the figures of the report", async () => {
      await page.getByRole("link", { name: "Open red-or-blue 1.0.0" }).click();
      await page.getByRole("tab", { name: "Compilation" }).click();
      const row = (kind: string) =>
        page
          .getByRole("table", { name: "Files" })
          .getByRole("row")
          .filter({
            has: page.getByText(kind, { exact: true }),
          });
      for (const { kind, bytes, published, score, latency } of report.variants) {
        const text = (await cellsOf(row(kind))).join(" ");
        expect(text).toContain(`${(bytes / 1000).toFixed(1)} kB`);
        expect(text).toContain(`${(bytes / report.model.bytes).toFixed(2)} of the file as given`);
        expect(text).toContain(published ? "published" : "not published");
        expect(text).toContain(
          `${(report.source.overall * 100).toFixed(1)} % → ${(score.overall * 100).toFixed(1)} %`,
        );
        if (latency === null) continue;
        const { subjectMs, referenceMs, ratioMedian, ratioLower90 } = latency;
        expect(text).toContain(`${subjectMs.p50.toFixed(2)} / ${subjectMs.p95.toFixed(2)} ms`);
        expect(text).toContain(
          `float ${referenceMs.p50.toFixed(2)} / ${referenceMs.p95.toFixed(2)} ms`,
        );
        expect(text).toContain(`${ratioMedian.toFixed(2)} ×`);
        expect(text).toContain(`at least ${ratioLower90.toFixed(2)} ×`);
      }
    });

    it("shows of one file operators, classes and the noise of each layer", async () => {
      await page.getByRole("button", { name: "int8", exact: true }).click();
      await page.getByRole("heading", { name: "int8 in detail" }).waitFor();
      expect(new URL(page.url()).searchParams.get("file")).toBe("int8");
      const { operators, quantisation } = file("int8");
      const table = page.getByRole("table", { name: "Operators" });
      for (const [name, n] of Object.entries(operators.int8))
        await table.getByRole("row", { name: `${name} ${n} 0`, exact: true }).waitFor();
      const classes = page.getByRole("table", { name: "Accuracy by class" });
      const [blue] = await rowsOf(classes);
      expect(blue?.slice(0, 4)).toEqual(["blue", "100.0 %", "100.0 %", "0.00"]);
      const layers = quantisation?.layers ?? [];
      const worst = layers.toSorted((a, b) => a.sqnrDb - b.sqnrDb);
      const figure = page.getByRole("figure", { name: "Noise by layer" });
      await figure.locator("summary").click();
      const shown = () => rowsOf(figure.getByRole("table"));
      const expected = (of: typeof layers) =>
        of.map((layer) => [
          String(layers.indexOf(layer) + 1),
          layer.node,
          layer.opType,
          layer.sqnrDb.toFixed(1),
        ]);
      expect(await shown()).toEqual(expected(worst));
      await figure.getByRole("button", { name: "As in the graph" }).click();
      expect(await shown()).toEqual(expected(layers));
      const slider = figure.getByRole("slider");
      await slider.focus();
      await page.keyboard.press("Home");
      expect(await slider.getAttribute("aria-valuetext")).toContain(layers[0]?.node);
    });

    it("refuses a version that exists, with the reason", async () => {
      await open("/models/compile");
      await choose(redOrBlueSpec, redOrBlue(), labels.join("\n"));
      await submit();
      await page.getByText("red-or-blue version 1.0.0 exists; raise the version").waitFor();
      browser.failures.splice(0); // the browser itself reports the 409
    });

    it("shows the sentence of a compilation that failed", async () => {
      await open("/models/compile");
      await choose(
        { ...redOrBlueSpec, version: "1.0.1" },
        redOrBlue(Number.NaN),
        labels.join("\n"),
      );
      await submit();
      await page.getByText("It has failed").waitFor();
      await page.getByText(/red-or-blue\.onnx cannot be compiled: .* not finite numbers/).waitFor();
      browser.failures.splice(0); // the 404 of the question whether the model is stored
    });

    it("cancels one that runs, after asking", async () => {
      const eggs = join(repository, "deploy/demo/models/egg-grader/1.0.0");
      await open("/models/compile");
      const { golden: _, ...eggSpec } = parse(await readFile(join(eggs, "model.yaml"), "utf8"));
      const spec = { ...eggSpec, version: "9.0.0" };
      await choose(spec, await readFile(join(eggs, "model.onnx")), "");
      await page.getByLabel("labels.csv").setInputFiles([]);
      await submit();
      await page.getByRole("heading", { name: "Compilation of egg-grader 9.0.0" }).waitFor();
      await page.getByRole("progressbar").waitFor();
      await shoot("a compilation that runs");
      await page.getByRole("button", { name: "Cancel…" }).click();
      await page.getByRole("button", { name: "Cancel the compilation" }).click();
      await page.getByRole("heading", { name: "It was cancelled" }).waitFor();
      await page.getByRole("link", { name: "Models", exact: true }).first().click();
      await page.getByRole("link", { name: "Compilations" }).click();
      const states = page.getByRole("table", { name: "Compilations" });
      await states.getByText("cancelled").waitFor();
      expect(await states.getByRole("row").count()).toBe(4);
      browser.failures.splice(0);
    });

    it("shows measurements of devices by profile, and lets nobody measure on none", async () => {
      const listed = benchmarks.list.reply.parse({ items: measurements });
      await page.route("**/versions/1.0.0/benchmarks", (route) => route.fulfill({ json: listed }));
      await open(`${versionPage}?tab=benchmarks`);
      const table = page.getByRole("table", { name: /^Speeds on dock-1/ });
      expect(await rowsOf(table)).toEqual([
        ["int8", "cpu", "9.80 / 12.1", "31.2 / 34.0", "3.18 ×at least 3.10 × (90 %)", "200"],
      ]);
      await page.getByText("The device ran out of memory").waitFor();
      await page.getByText("has not answered yet").waitFor();
      await shoot("measurements");
      await page.getByRole("button", { name: "Measure on a device…" }).click();
      await page.getByText("No device is online at the moment").first().waitFor();
    });

    it("says that nothing was measured", async () => {
      await page.unroute("**/versions/1.0.0/benchmarks");
      await open(`${versionPage}?tab=benchmarks`);
      await page.getByText("Nothing was measured yet").waitFor();
      browser.failures.splice(0); // 404 from a server that does not know of measurements
    });

    it.each([
      ["/models", "Models"],
      ["/models/compile", "Compile a model"],
      ["/models/compilations", "Compilations"],
      [`${versionPage}?tab=compilation&file=int8`, "What was rewritten first"],
      [`${versionPage}?tab=benchmarks`, "Device profile dock-pi"],
    ])("%s is accessible and fits, in the dark and on a phone too", async (path, heading) => {
      const listed = benchmarks.list.reply.parse({ items: measurements });
      await page.route("**/versions/1.0.0/benchmarks", (route) => route.fulfill({ json: listed }));
      for (const colorScheme of ["light", "dark"] as const)
        for (const width of [1280, 390]) {
          await page.emulateMedia({ colorScheme });
          await page.setViewportSize({ width, height: 800 });
          await open(path);
          await page.getByRole("main").getByText(heading).first().waitFor();
          expect(await axeViolations(page), `${colorScheme} ${width}`).toEqual([]);
          expect(await overflowing(), `${colorScheme} ${width}`).toEqual([]);
          await shoot(`${path} ${colorScheme} ${width}`);
        }
      await page.emulateMedia({ colorScheme: "light" });
      await page.setViewportSize({ width: 1280, height: 800 });
    });

    it("says to a viewer why nothing can be compiled, cancelled or measured", async () => {
      const { loginLink } = await adminClient(cloud.url).call(people.create, {
        body: { email: "viewer@example.org", name: "Vera", role: "viewer" },
      });
      await page.goto(loginLink);
      await page.getByRole("heading", { name: "Devices" }).waitFor();
      const why = /needs the role operator or approver or admin/;
      for (const [path, name] of [
        ["/models/compile", "Upload and compile"],
        [`${versionPage}?tab=benchmarks`, "Measure on a device…"],
      ] as const) {
        await open(path);
        const button = page.getByRole("button", { name });
        await button.waitFor();
        expect(await button.getAttribute("aria-disabled")).toBe("true");
        const reason = page.getByRole("tooltip", { name: why, includeHidden: true });
        expect(await reason.or(page.getByText(why)).count()).toBeGreaterThan(0);
      }
      browser.failures.splice(0);
    });
  },
);
