/**
 * `npm run protocol`: writes docs/protocol.md from the topic tree, the message schemas, the life
 * cycles and the device's part of the contract, as built in shared/dist. A test fails when the
 * committed file is another.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { deviceApi, previewBytesMax } from "@fieldloop/shared/contract/device-api";
import { updateLifecycle } from "@fieldloop/shared/lifecycle/update";
import { updatePhases } from "@fieldloop/shared/messages/control";
import { batchLimits } from "@fieldloop/shared/messages/telemetry";
import {
  channelFacts,
  downChannels,
  downTopic,
  upChannels,
  upChannelsOf,
  upTopic,
} from "@fieldloop/shared/topics";
import * as z from "zod/mini";
import { fieldsOf, table } from "./protocol/fields.mjs";
import { messages } from "./protocol/messages.mjs";
import {
  access,
  acknowledgement,
  framing,
  httpAbout,
  httpNotes,
  introduction,
  phasesAbout,
  sampling,
  types,
} from "./protocol/rules.mjs";

export const protocolFile = fileURLToPath(new URL("../docs/protocol.md", import.meta.url));

/** The whole document. Throws where a field has no meaning or an example does not fit. */
export function protocolDocument() {
  const parts = [
    introduction,
    types,
    topicSection(),
    framing,
    acknowledgement,
    "## Messages",
    ...messages.map(messageSection),
    sampling,
    phaseSection(),
    limitSection(),
    httpAbout,
    ...Object.entries(deviceApi).map(([name, endpoint]) => endpointSection(name, endpoint)),
  ];
  return `${parts.join("\n\n")}\n`;
}

function topicSection() {
  const row = (channel, topic, publishes, subscribes) => {
    const { qos, retain, what } = channelFacts[channel];
    return [`\`${topic}\``, what, publishes, subscribes, String(qos), retain ? "yes" : "no"];
  };
  const rolesOf = (channel) =>
    ["camera", "station"].filter((role) => upChannelsOf(role).includes(channel)).join(", ");
  const rows = [
    ...upChannels.map((name) =>
      row(name, upTopic("{root}", "{device}", name), rolesOf(name), "cloud"),
    ),
    ...downChannels.map((name) =>
      row(name, downTopic("{root}", "{device}", name), "cloud", "the device"),
    ),
  ];
  const head = ["topic", "what travels", "publishes", "subscribes", "QoS", "retained"];
  const about =
    "`{root}` and `{device}` are what enrolment answered. Publishers in the third column are roles of devices.";
  return `## Topics\n\n${about}\n\n${table(head, rows)}\n\n${access}`;
}

function messageSection(message) {
  const { topic, title, schema, about, fields, example } = message;
  const name = title ?? `\`${topic}\``;
  const sent = schema.parse(example); // an example that does not fit is a mistake in the document
  const rows = explained(name, fieldsOf(z.toJSONSchema(schema, { io: "input" })), fields);
  const head = ["field", "type", "limits", "meaning"];
  return `### ${name}\n\n${about}\n\n${table(head, rows)}\n\n\`\`\`json\n${compact(sent)}\n\`\`\``;
}

/** Joins fields and meanings, which must name the same things. */
function explained(name, rows, meanings) {
  const missing = rows.filter(({ path }) => meanings[path] === undefined).map(({ path }) => path);
  const known = new Set(rows.map(({ path }) => path));
  const strange = Object.keys(meanings).filter((path) => !known.has(path));
  if (missing.length > 0 || strange.length > 0)
    throw new Error(
      `scripts/protocol/messages.mjs, ${name}: write the meaning of ${missing.join(", ") || "nothing"}, remove ${strange.join(", ") || "nothing"}`,
    );
  return rows.map(({ path, type, limits, required }) => [
    `\`${path}\`${required ? "" : "°"}`,
    type,
    limits,
    meanings[path],
  ]);
}

/** JSON with one line per key of the first level, and of the second where the first is long. */
function compact(value) {
  const object = (entries, indent, write) =>
    `{\n${entries.map(([key, one]) => `${indent}  "${key}": ${write(one)}`).join(",\n")}\n${indent}}`;
  const isLong = (one) => oneLine(one).length > 80 && !Array.isArray(one);
  const write = (one) => (isLong(one) ? object(Object.entries(one), "  ", oneLine) : oneLine(one));
  return object(Object.entries(value), "", write);
}

function oneLine(value) {
  return JSON.stringify(value, null, 1)
    .replace(/\n */g, " ")
    .replace(/\[ /g, "[")
    .replace(/ \]/g, "]");
}

function phaseSection() {
  const rows = updatePhases.map((phase) => {
    const next = updatePhases.filter((other) => updateLifecycle[phase][other] === other);
    const others = next.filter((other) => other !== phase);
    return [
      `\`${phase}\``,
      others.map((other) => `\`${other}\``).join(", ") || "a new attempt only",
    ];
  });
  return `## Phases of an update\n\n${table(["known", "may be heard next"], rows)}\n\n${phasesAbout}`;
}

function limitSection() {
  const bytes = (n) => `${n.toLocaleString("en")} bytes`;
  const rows = [
    ["payload on the wire", bytes(batchLimits.payloadBytesMax)],
    ["payload inflated", bytes(batchLimits.inflatedBytesMax)],
    ["compress from", bytes(batchLimits.gzipBytesMin)],
    ["rows in one table of a batch", String(batchLimits.rowsMax)],
    ["skipped ranges in one batch", String(batchLimits.skippedMax)],
    ["detections in one result", String(batchLimits.detectionsMax)],
    ["JPEG of a preview", bytes(previewBytesMax)],
  ];
  return `## Limits\n\n${table(["what", "limit"], rows)}`;
}

function endpointSection(name, endpoint) {
  const { method, path, summary, status = 200, access: who, rawBody, rawReply } = endpoint;
  const caller = who === "public" ? "anybody with a claim token" : "the device";
  const lines = [
    `### \`${method} ${path}\``,
    `${summary}. Called by ${caller}; answers ${status}${rawReply ? ` with \`${rawReply}\`` : ""}. ${httpNotes[name]}`,
  ];
  if (rawBody !== undefined) lines.push(`Body: \`${rawBody}\`.`);
  if (endpoint.body !== undefined) lines.push(schemaTable("body", endpoint.body));
  if (name === "enrol") lines.push(schemaTable("answer", endpoint.reply));
  return lines.join("\n\n");
}

function schemaTable(what, schema) {
  const rows = fieldsOf(z.toJSONSchema(schema, { io: "input" })).map((field) => [
    `\`${field.path}\`${field.required ? "" : "°"}`,
    field.type,
    field.limits,
  ]);
  return table([`${what}`, "type", "limits"], rows);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  writeFileSync(protocolFile, protocolDocument());
  console.log(`wrote ${protocolFile}`);
}
