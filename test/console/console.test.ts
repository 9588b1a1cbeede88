/** The console in a real browser, against the real cloud and six agent processes. */
import { join } from "node:path";
import { samples } from "@fieldloop/shared/contract/samples";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { axeViolations, chromiumPath, openBrowser } from "../support/browser.ts";
import { allRun, type Fleet, pushEggGrader, setSettings, startFleet } from "../support/fleet.ts";
import {
  type Cloud,
  eventually,
  freePort,
  repository,
  scratchFolder,
  startCloud,
} from "../support/processes.ts";

const names = Array.from({ length: 6 }, (_, i) => `cam-${i + 1}`);
const shots = process.env.FIELDLOOP_SCREENSHOTS;

describe.skipIf(chromiumPath === undefined)(
  "the console (skipped where Chromium is absent)",
  () => {
    let scratch: Awaited<ReturnType<typeof scratchFolder>>;
    let cloud: Cloud;
    let fleet: Fleet;
    let browser: Awaited<ReturnType<typeof openBrowser>>;
    let page: Page;

    beforeAll(async () => {
      scratch = await scratchFolder();
      const ports = { httpPort: await freePort(), mqttPort: await freePort() };
      const env = { FIELDLOOP_DEMO: "true" };
      cloud = await startCloud({ folder: scratch.path, ...ports, env });
      await pushEggGrader(cloud.url, "1.0.0");
      browser = await openBrowser();
      page = browser.page;
    });

    afterAll(async () => {
      await browser?.close();
      await fleet?.stop();
      await cloud?.stop();
      await scratch?.remove();
    });

    /** Every test ends on a page that must be accessible and quiet. */
    afterEach(async ({ task }) => {
      if (shots !== undefined)
        await page.screenshot({ path: join(shots, `${task.name.replaceAll(/\W+/g, "-")}.png`) });
      expect(await axeViolations(page)).toEqual([]);
      expect(browser.failures.splice(0)).toEqual([]);
    });

    const row = (id: string) => page.locator(`tr[data-device=${id}]`);

    it("asks who is there", async () => {
      await page.goto(cloud.url);
      await page.getByRole("button", { name: "Sign in" }).waitFor();
      browser.failures.splice(0); // the browser itself reports the 401 of the first question
    });

    it("signs in with the one-time link", async () => {
      await page.goto(cloud.loginLink);
      await page.getByRole("heading", { name: "Devices" }).waitFor();
    });

    it("shows six devices coming alive without a reload", async () => {
      fleet = await startFleet({ folder: scratch.path, cloud, count: 6, fps: 2 });
      for (const id of names) {
        await row(id).getByText("online").waitFor();
        await row(id).getByText("egg-grader@1.0.0").waitFor();
      }
    });

    it("opens a device and its numbers move", async () => {
      await row("cam-1").getByRole("link", { name: "cam-1" }).click();
      await page.getByRole("heading", { name: "cam-1" }).waitFor();
      const figure = page.getByRole("figure", { name: "Frame rate" });
      await figure.waitFor();
      await figure.locator("summary").click(); // a row for every step, with its time
      const before = await figure.textContent();
      await eventually("the chart moves on", async () => (await figure.textContent()) !== before);
    });

    it("shows live frames while somebody watches", async () => {
      await page.getByRole("button", { name: "Watch", exact: true }).click();
      const image = page.locator("[data-testid=live-frame] img");
      await image.waitFor();
      const first = await image.getAttribute("src");
      await eventually(
        "the frame changes",
        async () => (await image.getAttribute("src")) !== first,
      );
      const width = await image.evaluate((img) => (img as HTMLImageElement).naturalWidth);
      expect(width).toBeGreaterThan(100);
    });

    it("commissions a camera: picture, focus, reference", async () => {
      await page.getByRole("button", { name: "Stop watching" }).click();
      await page.getByRole("tab", { name: "Camera" }).click();
      await page.getByText("none yet: blur, fog, covers and movement cannot be told").waitFor();
      await page.getByRole("button", { name: "Watch", exact: true }).click();
      await page.getByText(/\d+ % of the sharpest so far/).waitFor();
      await page.getByRole("button", { name: "Take a reference…" }).click();
      await page.getByRole("button", { name: "Take the reference", exact: true }).click();
      await page.getByText(/taking picture \d+ of 30; leave the camera alone/).waitFor();
      await page.getByText(/^made \d+ \w+ 20/).waitFor({ timeout: 60_000 });
      const overlay = page.getByLabel("Reference over the picture");
      await overlay.fill("60");
      await page.getByTestId("reference").waitFor();
      expect(
        await page.getByTestId("reference").evaluate((img) => getComputedStyle(img).opacity),
      ).toBe("0.6");
      await page.getByRole("button", { name: "Stop watching" }).waitFor();
    });

    it("shows what became of a camera's frames, and where their time went", async () => {
      await page.getByRole("button", { name: "Stop watching" }).click();
      await page.getByRole("tab", { name: "Pipeline" }).click();
      const frames = page.getByRole("table", { name: "Frames of belt" });
      const results = frames.getByRole("row", { name: /result/ });
      await results.waitFor();
      const [, count = ""] = (await results.getByRole("cell").allTextContents()) as string[];
      expect(Number(count.replaceAll(",", ""))).toBeGreaterThan(10);
      const stages = page.getByRole("table", { name: "Time per frame, belt" });
      expect(await stages.getByRole("row").count()).toBe(7);
    });

    it("shows how often a device asks the cloud, and why", async () => {
      await page.getByRole("tab", { name: "Hybrid" }).click();
      await page.getByText("The cloud is not asked about frames of this device").waitFor();
      await pushEggGrader(cloud.url, "1.0.0", "egg-grader-teacher");
      const hardness = { score: "max-probability", threshold: 0.01 };
      const routing = {
        mode: "sync",
        cloudModel: "egg-grader-teacher",
        deadlineMs: 1000,
        hardness,
      };
      await setSettings(fleet.client, "cam-1", { routing });
      const reasons = page.getByRole("table", { name: "Why frames stayed or went" });
      await reasons.getByText("went: the model was unsure").waitFor({ timeout: 100_000 });
      await page.getByText("closed: calls go").waitFor();
    });

    it("shows hard samples of a device that may send them", async () => {
      await page.getByRole("link", { name: "Samples", exact: true }).first().click();
      await page.getByText("No samples yet").waitFor();
      await page.getByText("fieldloop devices samples DEVICE --upload on").waitFor();
      const samples = { hardnessMin: 0, similarMs: 0, upload: { allowed: true } };
      await setSettings(fleet.client, "cam-2", { samples });
      const cards = page.getByRole("button", { name: /^Open the sample of cam-2/ });
      await eventually("samples arrive", async () => {
        await page.reload();
        await page.getByRole("heading", { name: "Samples" }).waitFor();
        return (await cards.count()) >= 4;
      });
      await setSettings(fleet.client, "cam-2", { samples: { enabled: false } });
      await eventually("its picture is there", () =>
        page
          .locator("li img")
          .first()
          .evaluate((img) => (img as HTMLImageElement).naturalWidth > 100),
      );
    });

    it("shows one in full, moves on with j, and deletes it once that is confirmed", async () => {
      await page
        .getByRole("button", { name: /^Open the sample of cam-2/ })
        .first()
        .click();
      const dialog = page.getByRole("dialog", { name: "cam-2 · belt" });
      await dialog.getByText("the model was unsure").waitFor();
      const digest = dialog.locator("[class*=digest]");
      const first = await digest.textContent();
      await page.keyboard.press("j");
      await eventually("it moves on", async () => (await digest.textContent()) !== first);
      const second = await digest.textContent();
      await dialog.getByRole("button", { name: "Delete for good" }).click();
      await dialog.getByRole("button", { name: "Delete it now" }).click();
      await page.getByText("The sample is deleted").waitFor();
      await dialog.waitFor({ state: "detached" });
      const { items } = await fleet.client.call(samples.list, { query: {} });
      expect(items.map(({ digest }) => digest)).not.toContain(second);
      expect(items.map(({ digest }) => digest)).toContain(first);
      await page.getByLabel("Class").fill("no-such-class");
      await page.getByRole("button", { name: "Show", exact: true }).click();
      await page.getByText("No samples match").waitFor();
      expect(page.url()).toContain("label=no-such-class");
    });

    it("keeps what a person holds through live updates", async () => {
      await page.getByRole("link", { name: "Devices", exact: true }).first().click();
      await row("cam-2").getByRole("checkbox").check();
      const seen = row("cam-3").locator("td").last();
      const before = await seen.textContent();
      await eventually("live values change", async () => (await seen.textContent()) !== before);
      expect(await row("cam-2").getByRole("checkbox").isChecked()).toBe(true);
      await row("cam-2").getByRole("checkbox").uncheck();
    });

    it("registers a version from files and refuses what does not fit, with the reason", async () => {
      const folder = join(repository, "deploy/demo/models/egg-grader/1.0.1");
      await page.goto(`${cloud.url}/push`);
      await page.getByLabel("Model file").setInputFiles(join(folder, "model.onnx"));
      await page.getByLabel("Manifest").setInputFiles({
        name: "model.yaml",
        mimeType: "text/yaml",
        buffer: Buffer.from("name: egg-grader\nversion: 1.0.1\nlabels: [one, two]\n"),
      });
      await page.getByRole("button", { name: "Check and register" }).click();
      await page.getByRole("list", { name: "What does not fit" }).waitFor();
      browser.failures.splice(0); // the browser itself reports the 422
      await page.getByLabel("Manifest").setInputFiles(join(folder, "model.yaml"));
      await page.getByRole("button", { name: "Check and register" }).click();
      await page.getByText("1.0.1").first().waitFor();
    });

    it("promotes it and shows it arriving everywhere", async () => {
      await page.goto(`${cloud.url}/models/egg-grader`);
      await page.getByRole("button", { name: "Promote 1.0.1…" }).click();
      await page.getByRole("button", { name: "Promote to production" }).click();
      await allRun(fleet.client, names, "egg-grader@1.0.1");
      await page.getByRole("link", { name: "Devices", exact: true }).first().click();
      for (const id of names) await row(id).getByText("egg-grader@1.0.1").waitFor();
    });

    it.each([
      "/enrolment",
      "/settings",
      "/audit",
      "/samples",
      "/models/egg-grader/v/1.0.0",
      "/devices/cam-1",
      "/devices/cam-1?tab=camera",
      "/devices/cam-1?tab=pipeline",
      "/devices/cam-1?tab=hybrid",
    ])("%s is accessible, in the dark and on a phone too", async (path) => {
      for (const colorScheme of ["light", "dark"] as const)
        for (const width of [1280, 360]) {
          await page.emulateMedia({ colorScheme });
          await page.setViewportSize({ width, height: 800 });
          await page.goto(`${cloud.url}${path}`);
          await page.getByRole("heading", { level: 1 }).waitFor();
          expect(await axeViolations(page), `${colorScheme} ${width}`).toEqual([]);
        }
      await page.emulateMedia({ colorScheme: "light" });
      await page.setViewportSize({ width: 1280, height: 800 });
    });

    it("signs out", async () => {
      await page.goto(`${cloud.url}/devices`);
      await page.getByRole("button", { name: /Admin/ }).click();
      await page
        .getByRole("menuitem", { name: "Sign out" })
        .or(page.getByRole("button", { name: "Sign out" }))
        .click();
      await page.getByRole("button", { name: "Sign in" }).waitFor();
      browser.failures.splice(0);
    });
  },
);
