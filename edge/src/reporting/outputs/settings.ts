/** Local outputs as the configuration describes them. */
import { slug } from "@fieldloop/shared/ids";
import { directions } from "@fieldloop/shared/vision/tracking/lines";
import * as z from "zod/mini";
import { localEventKinds } from "./event.ts";

const text = z.string().check(z.minLength(1), z.maxLength(4096));
const names = z._default(z.array(text).check(z.maxLength(64)), []);
const slugs = z._default(z.array(slug).check(z.maxLength(64)), []);

/** A text, or the variable of the agent's environment that holds it. */
const secret = z.union([text, z.strictObject({ env: text })]);
export type Secret = z.output<typeof secret>;

/** What an output is told. Empty lists ask for anything. */
const filter = z.strictObject({
  events: z.array(z.enum(localEventKinds)).check(z.minLength(1)),
  cameras: slugs,
  labels: names,
  notLabels: names,
  lines: slugs,
  directions: z._default(z.array(z.enum(directions)), []),
  zones: slugs,
  confidenceMin: z._default(z.number().check(z.gte(0), z.lte(1)), 0),
});
export type OutputFilter = z.output<typeof filter>;

const common = {
  name: slug,
  on: filter,
  /** Counted from the picture. What cannot be done by then is not done at all. */
  deadlineMs: z._default(z.int().check(z.gte(10), z.lte(600_000)), 1000),
  /** Events that may wait. */
  queueMax: z._default(z.int().check(z.gte(1), z.lte(1000)), 16),
  onFull: z._default(z.enum(["drop-oldest", "drop-latest"]), "drop-oldest"),
  /** Nothing is told again within this time; 0 tells everything. */
  minIntervalMs: z._default(z.int().check(z.gte(0), z.lte(3_600_000)), 0),
};

const mqttOutput = z.strictObject({
  ...common,
  kind: z.literal("mqtt"),
  mqtt: z.strictObject({
    url: z.url({ protocol: /^(mqtts?|wss?)$/, error: "use a URL such as mqtt://192.168.1.5:1883" }),
    topic: text.check(
      z.refine((topic) => !/[+#\0]/.test(topic), "a topic to publish on holds no +, # or NUL"),
    ),
    qos: z._default(z.union([z.literal(0), z.literal(1)]), 0),
    retain: z._default(z.boolean(), false),
    /** With placeholders; default: the event as JSON. */
    payload: z.optional(text),
    username: z.optional(text),
    password: z.optional(secret),
  }),
});

const webhookOutput = z.strictObject({
  ...common,
  kind: z.literal("webhook"),
  webhook: z.strictObject({
    url: z.url({ protocol: /^https?$/, error: "use a URL such as http://192.168.1.5/hook" }),
    method: z._default(z.enum(["POST", "PUT"]), "POST"),
    headers: z._default(
      z.record(
        z
          .string()
          .check(
            z.regex(/^[A-Za-z0-9-]{1,64}$/, "a header's name holds letters, digits and hyphens"),
          ),
        secret,
      ),
      {},
    ),
    /** Signs the body: `x-fieldloop-signature: sha256=` and HMAC-SHA256 in hexadecimal. */
    secret: z.optional(secret),
    /** With placeholders; default: the event as JSON. */
    body: z.optional(text),
  }),
});

const commandOutput = z.strictObject({
  ...common,
  kind: z.literal("command"),
  command: z.strictObject({
    /** Program and arguments with placeholders; no shell is in between. The event is its input, as JSON. */
    run: z.array(text).check(z.minLength(1), z.maxLength(64)),
    /** Variables of the agent's environment that the program needs. */
    env: names,
  }),
});

export const outputSettings = z.discriminatedUnion("kind", [
  mqttOutput,
  webhookOutput,
  commandOutput,
]);
export type OutputSettings = z.output<typeof outputSettings>;
export type OutputSettingsOf<Kind extends OutputSettings["kind"]> = Extract<
  OutputSettings,
  { readonly kind: Kind }
>;

/** All outputs of a configuration. */
export const outputsSettings = z.array(outputSettings).check(
  z.maxLength(16),
  z.refine(
    (outputs) => new Set(outputs.map(({ name }) => name)).size === outputs.length,
    "every output needs a name of its own",
  ),
);
