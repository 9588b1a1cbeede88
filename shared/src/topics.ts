/**
 * The MQTT topic tree as data. The one place that knows how a topic is written: builders, parser,
 * subscriptions, the access rule of brokers and the protocol document all come from this table.
 */

/** What travels upward, from a device to the cloud. `labels` is for devices of role `station`. */
export const upChannels = ["tm", "ev", "ota", "state", "online", "labels"] as const;
/** What travels downward. */
export const downChannels = ["ack", "desired", "cmd"] as const;
export type UpChannel = (typeof upChannels)[number];
export type DownChannel = (typeof downChannels)[number];
export type DeviceRole = "camera" | "station";

/** One line per channel: quality of service, whether the broker keeps the last one, and its meaning. */
export const channelFacts: Readonly<
  Record<UpChannel | DownChannel, { qos: 0 | 1; retain: boolean; what: string }>
> = {
  tm: { qos: 1, retain: false, what: "telemetry batch: windows and single results" },
  ev: { qos: 1, retain: false, what: "event batch: what happened on the device" },
  ota: { qos: 1, retain: false, what: "progress of a model update" },
  state: { qos: 1, retain: true, what: "reported state (the device's half of the twin)" },
  online: { qos: 1, retain: true, what: "birth and last will" },
  labels: { qos: 1, retain: false, what: "ground truth from an inspection station" },
  ack: { qos: 0, retain: false, what: "what the cloud has stored; the device may forget it" },
  desired: { qos: 0, retain: false, what: "notice that a newer desired document exists" },
  cmd: { qos: 0, retain: false, what: "command with a request id, answered on ev" },
};

const roleUp: Readonly<Record<DeviceRole, readonly UpChannel[]>> = {
  camera: ["tm", "ev", "ota", "state", "online"],
  station: ["ev", "state", "online", "labels"],
};

/** The channels a device of this role may publish on. */
export function upChannelsOf(role: DeviceRole): readonly UpChannel[] {
  return roleUp[role];
}

/** Topic a device publishes on. */
export function upTopic(root: string, device: string, channel: UpChannel): string {
  return `${root}/v1/d/${device}/up/${channel}`;
}

/** Topic the cloud publishes on for one device. */
export function downTopic(root: string, device: string, channel: DownChannel): string {
  return `${root}/v1/d/${device}/dn/${channel}`;
}

/** Subscription with which the cloud hears every device. */
export function allUpTopics(root: string): string {
  return `${root}/v1/d/+/up/#`;
}

/** Subscription with which a device hears the cloud; the only one it may make. */
export function allDownTopics(root: string, device: string): string {
  return `${root}/v1/d/${device}/dn/#`;
}

/** Reads an upward topic; `undefined` where it is none of ours. */
export function parseUpTopic(
  root: string,
  topic: string,
): { readonly device: string; readonly channel: UpChannel } | undefined {
  const prefix = `${root}/v1/d/`;
  if (!topic.startsWith(prefix)) return undefined;
  const [device, up, channel, more] = topic.slice(prefix.length).split("/");
  if (!device || up !== "up" || more !== undefined) return undefined;
  const known = upChannels.find((name) => name === channel);
  return known && { device, channel: known };
}

/** May this device publish on this topic? Only on the upward channels of its own role and id. */
export function mayPublish(root: string, device: string, role: DeviceRole, topic: string): boolean {
  return roleUp[role].some((channel) => upTopic(root, device, channel) === topic);
}

/** May this device subscribe with this filter? Only to its own downward channels. */
export function maySubscribe(root: string, device: string, filter: string): boolean {
  return (
    filter === allDownTopics(root, device) ||
    downChannels.some((channel) => downTopic(root, device, channel) === filter)
  );
}
