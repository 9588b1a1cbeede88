import { defaultSettings, type ReportedState } from "@fieldloop/shared/messages/twin";

/** What a device says of itself when there is nothing to say. */
export function reportedState(change: Partial<ReportedState> = {}): ReportedState {
  return {
    v: 1,
    at: 0,
    boot: "b1",
    agentVersion: "0.2.0",
    profile: "pi-5",
    desiredVersion: 1,
    model: null,
    update: null,
    settings: defaultSettings,
    scene: {},
    cameras: [],
    vitals: {
      rssBytes: 1,
      uptimeS: 1,
      loadAverage: 0,
      temperatureC: null,
      diskFreeBytes: null,
      outboxRows: 0,
      clockOk: true,
    },
    ...change,
  };
}
