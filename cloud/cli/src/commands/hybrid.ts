import { type DeviceDetail, devices } from "@fieldloop/shared/contract/devices";
import { routingModes } from "@fieldloop/shared/manifest/routing";
import { type Command, Option } from "commander";
import type { Context, Report } from "../context.ts";
import { name } from "../options.ts";
import { type Column, facts, table } from "../table.ts";
import { agoText, bytesText } from "../text.ts";

type Routing = NonNullable<NonNullable<DeviceDetail["reported"]>["routing"]>;

interface HybridOptions {
  readonly mode?: string;
  readonly cloudModel?: string;
  readonly deadline?: number;
  readonly threshold?: number;
}

/** `devices hybrid`: how a device asks the cloud about hard frames, and how it goes. */
export function addHybridCommand(group: Command, context: Context): void {
  group
    .command("hybrid")
    .description("Show, or set, when a device asks the cloud about hard frames")
    .argument("<id>", "id of the device", name)
    .addOption(new Option("--mode <mode>", "set the mode").choices([...routingModes]))
    .option("--cloud-model <name>", "set the model that the cloud answers with", name)
    .option("--deadline <ms>", "set when an answer is due, milliseconds", Number)
    .option("--threshold <share>", "set from which uncertainty on a frame is hard, 0 to 1", Number)
    .action(async (id: string, options: HybridOptions) => {
      if (Object.keys(options).length > 0) await configure(context, id, options);
      context.show(await hybridReport(context, id));
    });
}

/** Changes what is named and leaves the rest of the device's settings as it is. */
async function configure(context: Context, id: string, options: HybridOptions): Promise<void> {
  const { client } = context.connection();
  const { value, etag } = await client.callTagged(devices.get, { params: { id } });
  const { mode, cloudModel, deadline, threshold } = options;
  const routing = {
    ...value.desired.settings.routing,
    ...(mode !== undefined && { mode }),
    ...(cloudModel !== undefined && { cloudModel }),
    ...(deadline !== undefined && { deadlineMs: deadline }),
    ...(threshold !== undefined && { hardness: { score: "max-probability", threshold } }),
  };
  const body = { settings: { routing } };
  await client.call(devices.update, { params: { id }, body, ifMatch: etag ?? "*" });
}

async function hybridReport(context: Context, id: string): Promise<Report> {
  const { reported, desired } = await context
    .connection()
    .client.call(devices.get, { params: { id } });
  const settings = desired.settings.routing ?? {};
  const routing = reported?.routing ?? null;
  const data = { id, settings, reported: routing };
  if (reported === null || routing === null) {
    const wished =
      Object.keys(settings).length === 0
        ? "Neither its settings nor, as far as it has reported, its model's manifest say so."
        : `It has not reported so yet; its settings say ${JSON.stringify(settings)}.`;
    return { data, text: `${id} asks nobody about its frames. ${wished}\n` };
  }
  return { data, text: reportText(routing, agoText(reported.at, context.io.now()), context) };
}

const percent = (n: number, of: number) =>
  of === 0 ? "-" : `${n} of ${of} (${((100 * n) / of).toFixed(1)} %)`;
const countsText = (counts: Readonly<Record<string, number>>) =>
  Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([what, n]) => `${what} ${n}`)
    .join(", ") || "-";

function reportText(routing: Routing, ago: string, { look }: Context): string {
  const { callMs, bins } = routing;
  const head = facts([
    ["mode", routing.mode],
    ["asks", routing.cloudModel],
    ["breaker", routing.breaker],
    ["asked about", percent(routing.offloaded, routing.frames)],
    ["because", countsText(routing.offload)],
    ["stayed because", countsText(routing.local)],
    ["calls", countsText(routing.calls)],
    ["agreement", percent(routing.agreed, routing.compared)],
    [
      "call to answer",
      callMs && `p50 ${callMs.p50.toFixed(0)} ms, p95 ${callMs.p95.toFixed(0)} ms`,
    ],
    ["bytes", `${bytesText(routing.bytesSent)} sent, ${bytesText(routing.bytesReceived)} received`],
    ["reported", ago],
  ]);
  const rows = bins
    .map((bin, i) => ({ ...bin, from: i / bins.length, to: (i + 1) / bins.length }))
    .filter(({ frames }) => frames > 0);
  const columns: readonly Column<(typeof rows)[number]>[] = [
    { title: "HARDNESS", cell: ({ from, to }) => `${from.toFixed(2)}-${to.toFixed(2)}` },
    { title: "FRAMES", cell: ({ frames }) => String(frames), right: true },
    { title: "ASKED", cell: ({ offloaded }) => String(offloaded), right: true },
    {
      title: "AGREED",
      cell: ({ agreed, compared }) =>
        compared === 0 ? null : `${((100 * agreed) / compared).toFixed(0)} %`,
      right: true,
    },
  ];
  return rows.length === 0 ? head : `${head}\n${table(rows, columns, look)}`;
}
