import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  chooseDevice,
  listVideoDevices,
  type VideoDevice,
  VideoDeviceFinder,
} from "./video-device.ts";

describe("the video devices of a machine", () => {
  let sys: string;
  beforeEach(async () => {
    sys = await mkdtemp(join(tmpdir(), "fieldloop-sysfs-"));
    await mkdir(join(sys, "class/video4linux"), { recursive: true });
  });
  afterEach(() => rm(sys, { recursive: true }));

  /** A node as Linux shows it: /sys/class/video4linux/videoN → …/1-1/1-1:1.0/video4linux/videoN. */
  async function plug(
    name: string,
    { port, index = 0, usb }: { port: string; index?: number; usb?: Record<string, string> },
  ) {
    const device = join(sys, "devices/usb1", port);
    const face = join(device, `${port}:1.0`);
    const node = join(face, "video4linux", name);
    await mkdir(node, { recursive: true });
    await writeFile(join(node, "index"), `${index}\n`);
    await symlink(face, join(node, "device"));
    await symlink(node, join(sys, "class/video4linux", name));
    for (const [key, value] of Object.entries(usb ?? {})) {
      await writeFile(join(device, key), `${value}\n`);
    }
  }
  const c270 = { idVendor: "046d", idProduct: "0825", serial: "5A6B 01" };

  it("are those on USB that capture, by what they are and where", async () => {
    await plug("video0", { port: "1-1", usb: c270 });
    await plug("video1", { port: "1-1", index: 1 }); // metadata of the same camera
    await plug("video2", { port: "1-2.4", usb: { idVendor: "1BCF", idProduct: "2284" } });
    await plug("video10", { port: "platform" }); // the board's own codec
    expect(await listVideoDevices(sys)).toEqual([
      { path: "/dev/video0", id: "046d:0825:5a6b_01", port: "1-1" },
      { path: "/dev/video2", id: "1bcf:2284", port: "1-2.4" },
    ]);
  });

  it("are none where the kernel knows no video", async () => {
    expect(await listVideoDevices(join(sys, "nowhere"))).toEqual([]);
  });
});

const left: VideoDevice = { path: "/dev/video0", id: "046d:0825:1", port: "1-1" };
const right: VideoDevice = { path: "/dev/video2", id: "046d:0825:2", port: "1-2" };
const twin: VideoDevice = { path: "/dev/video4", id: "1bcf:2284", port: "1-3" };

describe("the device that is meant", () => {
  it.each([
    ["usb:046d:0825:2", right],
    ["usb:046D:0825@1-1", left],
    ["usb:1bcf:2284", twin],
  ])("by %s is found", (wanted, device) => {
    expect(chooseDevice([left, right, twin], wanted)).toBe(device);
  });

  it.each([
    [
      "usb:dead:beef",
      "the camera usb:dead:beef is not plugged in; connected are usb:046d:0825:1@1-1, usb:046d:0825:2@1-2",
    ],
    [
      "usb:046d:0825",
      "2 cameras are usb:046d:0825; name one of usb:046d:0825:1@1-1, usb:046d:0825:2@1-2",
    ],
  ])("by %s is an error that lists what there is", (wanted, message) => {
    expect(() => chooseDevice([left, right], wanted)).toThrow(message);
  });
});

describe("a camera that is plugged in again", () => {
  it("is found under its new path, also when it was configured by the old one", async () => {
    let devices = [left, right];
    const finder = new VideoDeviceFinder("/dev/video0", async () => devices);
    expect(await finder.path()).toBe("/dev/video0");
    devices = [{ ...left, path: "/dev/video7", port: "1-4" }, right];
    expect(await finder.path()).toBe("/dev/video7");
  });

  it("is not mistaken for another that took its path", async () => {
    let devices = [left];
    const finder = new VideoDeviceFinder("/dev/video0", async () => devices);
    await finder.path();
    devices = [
      { ...right, path: "/dev/video0" },
      { ...left, path: "/dev/video1" },
    ];
    expect(await finder.path()).toBe("/dev/video1");
  });

  it("is told from its equals by its port", async () => {
    const other = { ...twin, path: "/dev/video5", port: "1-9" };
    let devices = [twin, other];
    const finder = new VideoDeviceFinder("/dev/video4", async () => devices);
    await finder.path();
    devices = [
      { ...twin, path: "/dev/video5" },
      { ...other, path: "/dev/video4" },
    ];
    expect(await finder.path()).toBe("/dev/video5");
  });

  it("keeps its path where it is not on USB or is away", async () => {
    expect(await new VideoDeviceFinder("/dev/video9", async () => []).path()).toBe("/dev/video9");
  });
});
