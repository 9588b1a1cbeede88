import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { devices } from "@fieldloop/shared/contract/devices";
import { type SampleView, samples } from "@fieldloop/shared/contract/samples";
import { AppError } from "@fieldloop/shared/errors";
import { type SampleOpinion, sampleReasons } from "@fieldloop/shared/samples/sample";
import { type SampleSettings, sampleSettings } from "@fieldloop/shared/samples/settings";
import { type Command, InvalidArgumentError, Option } from "commander";
import { pathWith } from "../connect.ts";
import type { Context, Report } from "../context.ts";
import { name, positive } from "../options.ts";
import { type Column, facts, table } from "../table.ts";
import { agoText, bytesText } from "../text.ts";

interface Filters {
  readonly device?: string;
  readonly camera?: string;
  readonly reason?: (typeof sampleReasons)[number];
  readonly label?: string;
  readonly limit: number;
}

/** Hard samples: pictures that devices found worth a person's look. */
export function addSampleCommands(program: Command, context: Context): void {
  const group = program.command("samples").description("Pictures that are worth a person's look");
  group
    .command("ls")
    .description("List samples, newest first")
    .option("--device <id>", "only those of one device", name)
    .option("--camera <name>", "only those of one camera", name)
    .addOption(
      new Option("--reason <reason>", "only those kept for it").choices([...sampleReasons]),
    )
    .option("--label <class>", "only those in which a model saw this class")
    .option("--limit <n>", "at most so many", positive, 50)
    .action(async (filters: Filters) => context.show(await listReport(context, filters)));
  group
    .command("get")
    .description("Download the picture of a sample")
    .argument("<device>", "id of the device", name)
    .argument("<digest>", "digest of the sample, as `samples ls --json` shows it", digest)
    .requiredOption("--output <file>", "where it is written")
    .action(async (device: string, wanted: string, { output }: { output: string }) =>
      context.show(await download(context, device, wanted, output)),
    );
  group
    .command("rm")
    .description("Delete a sample for good")
    .argument("<device>", "id of the device", name)
    .argument("<digest>", "digest of the sample", digest)
    .action(async (device: string, wanted: string) => {
      const params = { device, digest: wanted };
      await context.connection().client.call(samples.remove, { params });
      context.show({ data: params, text: `The sample is deleted.\n` });
    });
}

interface PolicyOptions {
  readonly upload?: "on" | "off";
  readonly blur?: "nothing" | "detections";
  readonly hardnessMin?: number;
  readonly randomShare?: number;
  readonly ringHours?: number;
}

/** `devices samples`: what a device keeps of what it sees, and what of that may leave it. */
export function addSamplePolicyCommand(group: Command, context: Context): void {
  group
    .command("samples")
    .description("Show, or set, what a device keeps of what it sees, and what may leave it")
    .argument("<id>", "id of the device", name)
    .addOption(
      new Option("--upload <state>", "whether pictures may leave it").choices(["on", "off"]),
    )
    .addOption(
      new Option("--blur <what>", "what is blurred before").choices(["nothing", "detections"]),
    )
    .option("--hardness-min <share>", "from which hardness on a frame is kept, 0 to 1", Number)
    .option("--random-share <share>", "share of all frames kept by lot, 0 to 1", Number)
    .option("--ring-hours <hours>", "hours of frames kept to try another model on", Number)
    .action(async (id: string, options: PolicyOptions) => {
      if (Object.keys(options).length > 0) await setPolicy(context, id, options);
      context.show(await policyReport(context, id));
    });
}

/** Changes what is named and leaves the rest of the device's settings as it is. */
async function setPolicy(context: Context, id: string, options: PolicyOptions): Promise<void> {
  const { client } = context.connection();
  const { value, etag } = await client.callTagged(devices.get, { params: { id } });
  const known: Readonly<Record<string, unknown>> = value.desired.settings.samples ?? {};
  const { upload, blur, hardnessMin, randomShare, ringHours } = options;
  const part = (key: string) => (typeof known[key] === "object" ? known[key] : {});
  const policy = {
    ...known,
    ...(hardnessMin !== undefined && { hardnessMin }),
    ...(randomShare !== undefined && { randomShare }),
    ...((upload !== undefined || blur !== undefined) && {
      upload: {
        ...part("upload"),
        ...(upload !== undefined && { allowed: upload === "on" }),
        ...(blur !== undefined && { blur }),
      },
    }),
    ...(ringHours !== undefined && { ring: { ...part("ring"), hours: ringHours } }),
  };
  const body = { settings: { samples: policy } };
  await client.call(devices.update, { params: { id }, body, ifMatch: etag ?? "*" });
}

async function policyReport(context: Context, id: string): Promise<Report> {
  const { desired } = await context.connection().client.call(devices.get, { params: { id } });
  const settings = sampleSettings.parse(desired.settings.samples ?? {});
  return { data: { id, settings }, text: policyText(settings) };
}

function policyText(settings: SampleSettings): string {
  const { enabled, hardnessMin, randomShare, classes, perDay, upload, ring } = settings;
  const shares = Object.entries(classes).map(([label, share]) => `${label} ${share}`);
  const blurred = upload.blur === "nothing" ? "" : ", what is found blurred";
  return facts([
    ["keeps", enabled ? `frames of a hardness of ${hardnessMin} on` : "nothing"],
    ["by lot", enabled ? `${randomShare} of all frames` : null],
    ["by class", shares.join(", ") || null],
    ["a day", `at most ${perDay.countMax} pictures, ${bytesText(perDay.bytesMax)}`],
    ["may leave it", upload.allowed ? `yes${blurred}` : "no; --upload on allows it"],
    ["frame ring", ring.hours === 0 ? "none" : `${ring.hours} hours, ${bytesText(ring.bytesMax)}`],
  ]);
}

async function listReport(context: Context, filters: Filters): Promise<Report> {
  const { limit, ...query } = filters;
  const page = await context
    .connection()
    .client.call(samples.list, { query: { ...query, limit: Math.min(1000, limit) } });
  const now = context.io.now();
  const columns: readonly Column<SampleView>[] = [
    { title: "DEVICE", cell: ({ device }) => device },
    { title: "CAMERA", cell: ({ camera }) => camera },
    { title: "TAKEN", cell: ({ capturedAt }) => agoText(capturedAt, now) },
    { title: "WHY", cell: ({ reasons }) => reasons.join(", ") },
    { title: "DEVICE SAID", cell: ({ local }) => opinionText(local) },
    { title: "CLOUD SAID", cell: ({ cloud }) => cloud && opinionText(cloud) },
    { title: "BYTES", cell: ({ bytes }) => bytesText(bytes), right: true },
    { title: "DIGEST", cell: (row) => row.digest.slice(0, 12) },
  ];
  const more =
    page.next === null ? "" : `${page.items.length} of ${page.total}; --limit shows more.\n`;
  const text =
    page.items.length === 0
      ? "No samples. `fieldloop devices samples DEVICE --upload on` lets a device send what it keeps.\n"
      : table(page.items, columns, context.look) + more;
  return { data: page, text };
}

function opinionText({ label, confidence, detections }: SampleOpinion): string {
  const what = label ?? `${detections?.length ?? 0} found`;
  return `${what} ${confidence.toFixed(2)}`;
}

async function download(
  context: Context,
  device: string,
  wanted: string,
  output: string,
): Promise<Report> {
  const { url, fetch } = context.connection();
  const path = pathWith(samples.image, { device, digest: wanted });
  const response = await fetch(`${url}${path}`);
  if (!response.ok) {
    const problem = (await response.json().catch(() => ({}))) as { detail?: string; code?: string }; // problem+json
    throw new AppError({
      code: problem.code ?? "failed",
      message: problem.detail ?? `the server answered ${response.status}`,
      status: response.status,
    });
  }
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (createHash("sha256").update(bytes).digest("hex") !== wanted)
    throw new AppError({ code: "damaged", message: "the picture arrived damaged; try again" });
  await writeFile(output, bytes);
  return {
    data: { device, digest: wanted, output, bytes: bytes.length },
    text: `${bytesText(bytes.length)} written to ${output}.\n`,
  };
}

function digest(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new InvalidArgumentError("Write all 64 digits, as `samples ls --json` shows them.");
}
