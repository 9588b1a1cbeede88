import { expect, it } from "vitest";
import { checkMemory } from "./memory.ts";

const profile = { id: "raspberry-pi-4", memoryBytesMax: 512 * 1024 * 1024 };

it("refuses a model with which the agent outgrows its board", () => {
  expect(() => checkMemory(512 * 1024 * 1024, profile)).not.toThrow();
  expect(() => checkMemory(700 * 1024 * 1024, profile)).toThrow(
    "with this model the agent takes 700 MiB, and the device profile raspberry-pi-4 allows 512 MiB (memoryBytesMax); use a smaller model or a quantised variant",
  );
});
