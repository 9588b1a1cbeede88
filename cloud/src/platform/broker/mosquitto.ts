import {
  allDownTopics,
  allUpTopics,
  downChannels,
  downTopic,
  upChannels,
  upTopic,
} from "@fieldloop/shared/topics";

/** User name of the cloud at an external broker. */
export const cloudUser = "fieldloop";

/**
 * Mosquitto's access file for devices and cloud, from the same table as the broker in this process.
 * `%u` stands for the user name, which is the device's id. Mosquitto cannot tell roles apart, so a
 * device may use the channels of every role here; the cloud refuses the wrong ones on arrival.
 */
export function mosquittoAcl(root: string): string {
  return [
    "# Made from the topic table; a test compares. What is not listed is refused.",
    "# The cloud hears every device and speaks to each.",
    `user ${cloudUser}`,
    `topic read ${allUpTopics(root)}`,
    ...downChannels.map((channel) => `topic write ${downTopic(root, "+", channel)}`),
    "",
    "# A device, whose user name is its id, speaks and listens under its own id only.",
    ...upChannels.map((channel) => `pattern write ${upTopic(root, "%u", channel)}`),
    `pattern read ${allDownTopics(root, "%u")}`,
    "",
  ].join("\n");
}
