/** What a connected device may publish, beyond what the topic table says. Pure. */
import { batchLimits } from "@fieldloop/shared/messages/telemetry";
import {
  channelFacts,
  type DeviceRole,
  mayPublish,
  parseUpTopic,
  upTopic,
} from "@fieldloop/shared/topics";

/** A message somebody wants to publish. */
export interface PublishWish {
  readonly topic: string;
  readonly qos: number;
  readonly retain: boolean;
  readonly bytes: number;
}

/**
 * Why the device may not publish this, or `undefined` where it may.
 * @param role `undefined` where the login has not succeeded
 */
export function publishRefusal(
  root: string,
  device: string,
  role: DeviceRole | undefined,
  { topic, qos, retain, bytes }: PublishWish,
): string | undefined {
  if (role === undefined || !mayPublish(root, device, role, topic))
    return "a device may publish only on its own upward topics";
  if (qos === 2) return "QoS 2 is not used; publish with QoS 1";
  if (bytes > batchLimits.payloadBytesMax)
    return `the payload has ${bytes} bytes; at most ${batchLimits.payloadBytesMax} are allowed`;
  const channel = parseUpTopic(root, topic)?.channel;
  if (retain && channel !== undefined && !channelFacts[channel].retain)
    return `messages on ${channel} must not be retained`;
  return undefined;
}

/** Why the device may not leave this last will, or `undefined` where it may or leaves none. */
export function willRefusal(
  root: string,
  device: string,
  topic: string | undefined,
): string | undefined {
  const own = upTopic(root, device, "online");
  return topic === undefined || topic === own ? undefined : `the last will may only go to ${own}`;
}
