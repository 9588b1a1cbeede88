import { describe, expect, it } from "vitest";
import { changedChoices } from "./change.ts";
import { formatCredential, parseCredential } from "./credential.ts";
import { isJpeg, parsePreviewHeader } from "./preview.ts";
import { createPreviews } from "./previews.ts";
import { statusOf } from "./status.ts";
import { extendWatch } from "./watch.ts";

describe("a device's status", () => {
  const now = 1_000_000;
  it.each([
    ["pending before it was ever heard", false, null, 60_000, "pending"],
    ["offline after its last will", false, now, 60_000, "offline"],
    ["online while it speaks", true, now - 180_000, 60_000, "online"],
    ["stale after three silent windows", true, now - 180_001, 60_000, "stale"],
    ["online for half a minute however short its windows", true, now - 30_000, 1000, "online"],
    ["stale after half a minute with short windows", true, now - 30_001, 1000, "stale"],
  ] as const)("is %s", (_, online, lastSeen, windowMs, expected) => {
    expect(statusOf({ online, lastSeen, windowMs }, now)).toBe(expected);
  });
});

describe("a device credential", () => {
  it("names its device and survives the round trip", () => {
    const text = formatCredential("cam-1", "s3cret_-x");
    expect(text).toBe("fld_cam-1.s3cret_-x");
    expect(parseCredential(text)).toEqual({ id: "cam-1", secret: "s3cret_-x" });
  });

  it.each([
    "",
    "fld_",
    "fld_cam-1",
    "fld_cam-1.",
    "fld_.x",
    "fld_CAM.x",
    "fla_x.y",
    `fld_a.${"x".repeat(300)}`,
  ])("is not %j", (text) => expect(parseCredential(text)).toBeUndefined());
});

describe("watching", () => {
  it("asks the device again only when less than 45 s remain", () => {
    expect(extendWatch(null, 1000)).toEqual({ until: 91_000, extended: true });
    expect(extendWatch(91_000, 46_000)).toEqual({ until: 91_000, extended: false });
    expect(extendWatch(91_000, 46_001)).toEqual({ until: 136_001, extended: true });
    expect(extendWatch(500, 1000)).toEqual({ until: 91_000, extended: true });
  });
});

describe("previews", () => {
  const jpeg = (byte: number) => Uint8Array.of(0xff, 0xd8, 0xff, byte);

  it("vanish ten seconds after the watch and when the device goes", () => {
    const previews = createPreviews({ now: () => 0 });
    previews.put("cam-1", { at: 0, jpeg: jpeg(1) }, 1000);
    previews.put("cam-1", { at: 5, jpeg: jpeg(2) }, 1000);
    expect(previews.get("cam-1", 10_999)).toEqual(jpeg(2));
    expect(previews.get("cam-1", 10_999, 0)).toEqual(jpeg(1));
    expect(previews.get("cam-1", 10_999, 3)).toEqual(jpeg(2));
    expect(previews.get("cam-1", 11_000)).toBeUndefined();
    previews.drop("cam-1");
    expect(previews.get("cam-1", 0)).toBeUndefined();
    previews.stop();
  });

  it("are bounded in number and size, the oldest going first", () => {
    const previews = createPreviews({ now: () => 0, devicesMax: 2, frameBytesMax: 4 });
    for (const id of ["a", "b", "a", "c"]) previews.put(id, { at: 0, jpeg: jpeg(0) }, 1000);
    previews.put("a", { at: 0, jpeg: Uint8Array.of(0xff, 0xd8, 0xff, 1, 2) }, 1000);
    expect(["a", "b", "c"].map((id) => previews.get(id, 0)?.length)).toEqual([4, undefined, 4]);
    previews.stop();
  });

  it("carry a result as base64url JSON and nothing else", () => {
    const header = Buffer.from('{"label":"ok"}').toString("base64url");
    expect(parsePreviewHeader(header)).toEqual({ label: "ok" });
    expect(parsePreviewHeader(undefined)).toEqual({});
    for (const bad of ["???", Buffer.from("[1]").toString("base64url"), "x".repeat(20_000)])
      expect(() => parsePreviewHeader(bad)).toThrow("base64url of a JSON object");
    expect([isJpeg(jpeg(1)), isJpeg(Buffer.from("GIF89a"))]).toEqual([true, false]);
  });
});

describe("a change of a device", () => {
  const choices = { site: "a", group: null, follows: null, settings: { results: "all" as const } };

  it("keeps what it does not name, and clears what it sets to null", () => {
    expect(changedChoices(choices, {})).toEqual(choices);
    expect(changedChoices(choices, { site: null, settings: { windowMs: 5000 } })).toEqual({
      ...choices,
      site: null,
      settings: { results: "all", windowMs: 5000 },
    });
  });
});
