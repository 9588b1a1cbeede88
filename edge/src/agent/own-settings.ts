import type { RemoteSettings } from "@fieldloop/shared/messages/twin";
import type { AgentConfig } from "../config.ts";

/** The settings that the configuration names itself. */
export function ownSettings({ reporting }: AgentConfig): Partial<RemoteSettings> {
  const { results, sampleShare, windowMs, routing, samples } = reporting;
  return {
    ...(results !== undefined && { results }),
    ...(sampleShare !== undefined && { sampleShare }),
    ...(windowMs !== undefined && { windowMs }),
    ...(routing !== undefined && { routing }),
    ...(samples !== undefined && { samples }),
  };
}
