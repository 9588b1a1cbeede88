import { type DeviceDetail, type DeviceSummary, devices } from "@fieldloop/shared/contract/devices";
import { AppError } from "@fieldloop/shared/errors";
import type { Command } from "commander";
import type { Connection } from "../connect.ts";
import type { Context, Report } from "../context.ts";
import { UsageError } from "../failure.ts";
import { name } from "../options.ts";
import { type Column, facts, table } from "../table.ts";
import { agoText, bytesText } from "../text.ts";
import { addEnrolTokenCommands } from "./enrol-tokens.ts";
import { addHybridCommand } from "./hybrid.ts";
import { addSamplePolicyCommand } from "./samples.ts";

const pageRows = 1000;
const devicesMax = 100_000;

export function addDeviceCommands(program: Command, context: Context): void {
  const group = program.command("devices").description("Devices of the fleet");
  group
    .command("ls")
    .description("List devices")
    .option("--q <words>", "only those whose id, site, group, model or status matches")
    .action(async (options: { q?: string }) => {
      const found = await allDevices(context.connection(), options.q);
      context.show({ data: found, text: deviceTable(found.items, context) });
    });
  group
    .command("show")
    .description("Show one device")
    .argument("<id>", "id of the device", name)
    .action(async (id: string) => {
      const device = await context.connection().client.call(devices.get, { params: { id } });
      context.show({ data: device, text: deviceFacts(device, context.io.now()) });
    });
  group
    .command("rm")
    .description("Decommission a device: its credential stops working at once")
    .argument("<id>", "id of the device", name)
    .option("--yes", "do not ask")
    .action(async (id: string, options: { yes?: true }) =>
      context.show(await removeDevice(context, id, options.yes === true)),
    );
  group
    .command("commission")
    .description("Have a camera take what it sees now as the reference it is held against")
    .argument("<id>", "id of the device", name)
    .argument("<camera>", "name of the camera", name)
    .action(async (id: string, camera: string) => {
      const params = { id, camera };
      const asked = await context.connection().client.call(devices.commission, { params });
      const text = `${id} was asked; its camera ${camera} takes thirty pictures over half a minute.\n`;
      context.show({ data: { id, camera, ...asked }, text });
    });
  addHybridCommand(group, context);
  addSamplePolicyCommand(group, context);
  addEnrolTokenCommands(group, context);
}

async function allDevices({ client }: Connection, q: string | undefined) {
  const items: DeviceSummary[] = [];
  let cursor: string | undefined;
  for (;;) {
    const page = await client.call(devices.list, {
      query: { limit: pageRows, ...(q ? { q } : {}), ...(cursor ? { cursor } : {}) },
    });
    items.push(...page.items);
    if (page.next === null || items.length >= devicesMax) return { items, total: page.total };
    cursor = page.next;
  }
}

function deviceTable(rows: readonly DeviceSummary[], { io, look }: Context): string {
  if (rows.length === 0) return "No devices. `fieldloop devices enrol-token create` lets one in.\n";
  const number = (value: number | null | undefined, digits: number) => value?.toFixed(digits);
  const columns: readonly Column<DeviceSummary>[] = [
    { title: "ID", cell: (row) => row.id },
    { title: "STATUS", cell: (row) => row.status },
    { title: "SITE", cell: (row) => row.site },
    { title: "GROUP", cell: (row) => row.group },
    { title: "MODEL", cell: modelCell },
    { title: "WORLD", cell: (row) => row.world },
    { title: "FPS", cell: (row) => number(row.latest?.fps, 1), right: true },
    { title: "P95 MS", cell: (row) => number(row.latest?.p95Ms, 1), right: true },
    { title: "CONFIDENCE", cell: (row) => number(row.latest?.confidence, 2), right: true },
    { title: "LAST SEEN", cell: (row) => agoText(row.lastSeen, io.now()) },
  ];
  const used = columns.filter(
    ({ title, cell }) => title !== "WORLD" || rows.some((row) => cell(row) !== null),
  );
  return table(rows, used, look);
}

/** `egg@1.0.0`, and where it is going: `egg@1.0.0 -> egg@1.0.1 (downloading)`. */
function modelCell({ model, desiredModel, update }: DeviceSummary): string | null {
  if (desiredModel === null || desiredModel === model) return model;
  const phase = update?.model === desiredModel ? ` (${update.phase})` : "";
  return `${model ?? "none"} -> ${desiredModel}${phase}`;
}

function deviceFacts(device: DeviceDetail, nowMs: number): string {
  const { latest, reported, update, ingest } = device;
  return facts([
    ["id", device.id],
    ["status", `${device.status}, last seen ${agoText(device.lastSeen, nowMs)}`],
    ["role", device.role],
    ["profile", device.profile],
    ["site", device.site],
    ["group", device.group],
    ["follows", device.follows ?? "the default model"],
    ["agent", device.agentVersion],
    ["model", modelCell(device)],
    ["runs as", reported?.model && `${reported.model.variant} on ${reported.model.provider}`],
    ["update", update && updateText(update, nowMs)],
    ["world", device.world],
    ["cameras", reported?.cameras.map((c) => `${c.name} (${c.kind}, ${c.state})`).join(", ")],
    [
      "latest",
      latest &&
        `${latest.fps.toFixed(1)} fps, p95 ${latest.p95Ms?.toFixed(1) ?? "-"} ms, confidence ${
          latest.confidence?.toFixed(2) ?? "-"
        }, ${latest.dropped} dropped, ${latest.errors} errors`,
    ],
    ["memory", reported && bytesText(reported.vitals.rssBytes)],
    ["outbox", reported && `${reported.vitals.outboxRows} rows waiting`],
    ["ingest", `epoch ${ingest.epoch} up to ${ingest.upTo}, ${ingest.gaps} gaps`],
    ["quarantined", ingest.quarantined > 0 ? String(ingest.quarantined) : null],
    [
      "results",
      `${device.desired.settings.results}, window ${device.desired.settings.windowMs / 1000} s`,
    ],
    ["enrolled", agoText(device.enrolledAt, nowMs)],
  ]);
}

function updateText(update: NonNullable<DeviceSummary["update"]>, nowMs: number): string {
  const bytes =
    update.bytesDone < update.bytesTotal
      ? `, ${bytesText(update.bytesDone)} of ${bytesText(update.bytesTotal)}`
      : "";
  const reason = update.reason === null ? "" : `: ${update.reason}`;
  return `${update.model} ${update.phase}${bytes}${reason} (${agoText(update.at, nowMs)})`;
}

async function removeDevice(context: Context, id: string, yes: boolean): Promise<Report> {
  const { client } = context.connection();
  const { value, etag } = await client.callTagged(devices.get, { params: { id } });
  if (!yes) await confirmRemoval(context, value);
  await client.call(devices.remove, { params: { id }, ifMatch: etag ?? "*" });
  return {
    data: { id, removed: true },
    text: `Removed ${id}; its credential no longer works.\n`,
  };
}

async function confirmRemoval({ io }: Context, { id, status, site }: DeviceDetail): Promise<void> {
  if (!io.inIsTty) throw new UsageError(`removing ${id} needs a yes: add --yes`);
  const where = site === null ? "" : ` at ${site}`;
  const answer = await io.ask(
    `Remove ${id}${where} (${status})? Its credential stops working at once. [y/N] `,
  );
  if (!/^y(es)?$/i.test(answer.trim()))
    throw new AppError({ code: "declined", message: `${id} was not removed` });
}
