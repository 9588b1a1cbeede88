/** Cameras as the configuration describes them: one schema per kind. */
import { slug } from "@fieldloop/shared/ids";
import {
  defaultHealthSettings,
  type HealthSettings,
} from "@fieldloop/shared/vision/camera-health/settings";
import type { Box } from "@fieldloop/shared/vision/fit";
import { defaultMotionSettings } from "@fieldloop/shared/vision/motion";
import { cameraFactsSettings } from "@fieldloop/shared/vision/tracking/camera-facts";
import * as z from "zod/mini";
import { dropPolicies } from "../frame-queue.ts";
import { isSubsampled, rawFormats } from "./stream/pixel-formats.ts";

const positive = z.int().check(z.positive());
const text = z.string().check(z.minLength(1), z.maxLength(4096));
const pixels = z.int().check(z.gte(16), z.lte(8192));

const share = z.number().check(z.gte(0), z.lte(1));
const extent = z.number().check(z.gt(0), z.lte(1));

const clockTime = z
  .string()
  .check(z.regex(/^([01]\d|2[0-3]):[0-5]\d$/, "use a time of day such as 06:30"));

const common = {
  name: slug,
  /** Frames a second, at most; a folder or file without it is read as fast as the model runs. */
  fps: z.optional(z.number().check(z.gt(0), z.lte(120))),
  policy: z.optional(z.enum(dropPolicies)),
  queueFramesMax: z._default(z.int().check(z.gte(1), z.lte(64)), 2),
  frameAgeMsMax: z._default(z.nullable(positive), null),
  /** The part of the picture that the model sees, fractions from its top left corner. */
  region: z.optional(
    z
      .strictObject({ x: share, y: share, width: extent, height: extent })
      .check(
        z.refine(
          ({ x, y, width, height }) => x + width <= 1.000001 && y + height <= 1.000001,
          "x + width and y + height must not pass 1: the region lies inside the picture",
        ),
      ),
  ),
  /** Where set, frames in which nothing moves are left out, except now and then. */
  motion: z.optional(
    z.strictObject({
      /** Share of the region that must change; 0.004 is three of 768 cells. */
      areaShareMin: z._default(extent, defaultMotionSettings.areaShareMin),
      /** Grey levels by which it must change at least. */
      levelsMin: z._default(
        z.number().check(z.gte(1), z.lte(255)),
        defaultMotionSettings.levelsMin,
      ),
      /** Frames are still wanted for this long after the last motion. */
      holdMs: z._default(z.int().check(z.gte(0), z.lte(600_000)), 2000),
      /** Without motion, one frame in this time is wanted all the same. */
      idleMs: z._default(z.int().check(z.gte(100), z.lte(3_600_000)), 10_000),
    }),
  ),
  /** Where set, objects are followed from frame to frame, and counted on lines and in zones. */
  facts: z.optional(cameraFactsSettings),
  health: z.prefault(
    z.strictObject({
      /** Whether the camera itself is watched; default: where it always looks at one place. */
      enabled: z.optional(z.boolean()),
      /** When it is surely day there, UTC: colours are missed then. */
      daylight: z._default(z.nullable(z.strictObject({ from: clockTime, to: clockTime })), null),
    }),
    {},
  ),
};

/** Of cameras that never fall silent by themselves. */
const live = {
  ...common,
  /** Without a frame for this long, the camera is started again. */
  stallMsMax: z._default(z.int().check(z.gte(500), z.lte(600_000)), 10_000),
};

/** Of pictures that ffmpeg decodes: wider ones are scaled down by the decoder. */
const widthMax = z._default(pixels, 1280);

const streamUrl = (protocols: RegExp, example: string) =>
  z.url({ protocol: protocols, error: `use a URL such as ${example}` });

const directoryCamera = z.strictObject({
  ...common,
  kind: z.literal("directory"),
  directory: z.strictObject({ path: text, loop: z._default(z.boolean(), false) }),
});

const httpCamera = z.strictObject({ ...common, kind: z.literal("http") });

const syntheticCamera = z.strictObject({
  ...common,
  kind: z.literal("synthetic"),
  synthetic: z.strictObject({
    /** Path of a scene module, or a package's name. */
    module: text,
    /** Default: the device's id. */
    seed: z.optional(text),
    settings: z._default(z.record(z.string(), z.string()), {}),
  }),
});

/** Another program looks, and tells what it saw. */
const externalCamera = z.strictObject({
  ...common,
  kind: z.literal("external"),
  external: z.prefault(
    z.strictObject({
      /** `name@version`, where observations do not name their model. */
      model: z._default(text.check(z.maxLength(128)), "external@0"),
      /** Without an observation for this long, the camera counts as stalled; `null` for never. */
      stallMsMax: z._default(z.nullable(z.int().check(z.gte(1000))), null),
    }),
    {},
  ),
});

const rtspCamera = z.strictObject({
  ...live,
  kind: z.literal("rtsp"),
  rtsp: z.strictObject({
    /** With name and password where the camera wants them; they are never logged or reported. */
    url: streamUrl(/^rtsps?$/, "rtsp://camera.example:554/stream1"),
    /** `tcp` passes firewalls and loses nothing; `udp` is for multicast and old cameras. */
    transport: z._default(z.enum(["tcp", "udp"]), "tcp"),
    /** What the camera sends; named, the device profile's hardware decoder is tried first. */
    codec: z.optional(z.enum(["h264", "hevc", "mjpeg"])),
    widthMax,
  }),
});

const mjpegCamera = z.strictObject({
  ...live,
  kind: z.literal("mjpeg"),
  mjpeg: z.strictObject({ url: streamUrl(/^https?$/, "http://camera.example/video.mjpg") }),
});

const usbId = /^[0-9a-f]{4}:[0-9a-f]{4}(?::[^\s:/]{1,64})?(?:@[0-9.-]{1,32})?$/i;

const v4l2Camera = z.strictObject({
  ...live,
  kind: z.literal("v4l2"),
  v4l2: z.strictObject({
    /** A path below /dev, or `usb:vendor:product[:serial][@port]`, which survives replugging. */
    device: z
      .string()
      .check(
        z.refine(
          (device) => device.startsWith("/dev/") || usbId.test(device.replace(/^usb:/, "")),
          "use a path such as /dev/video0, or usb:046d:0825 (vendor:product, then :serial or @port where there are several)",
        ),
      ),
    /** What the camera delivers; `mjpeg` is passed on as it is and costs no transcoding. */
    format: z._default(z.enum(["mjpeg", "yuyv422", "nv12", "h264"]), "mjpeg"),
    width: z._default(pixels, 1280),
    height: z._default(pixels, 720),
    widthMax,
  }),
});

const csiCamera = z.strictObject({
  ...live,
  kind: z.literal("csi"),
  csi: z.prefault(
    z.strictObject({
      /** The connector, counted from 0. */
      index: z._default(z.int().check(z.gte(0), z.lte(15)), 0),
      /** Multiples of 16, which no pipeline pads. */
      width: z._default(pixels.check(z.multipleOf(16)), 1280),
      height: z._default(pixels.check(z.multipleOf(2)), 720),
    }),
    {},
  ),
});

const fileCamera = z.strictObject({
  ...common,
  kind: z.literal("file"),
  file: z.strictObject({
    /** A video or picture file that ffmpeg can read. */
    path: text,
    loop: z._default(z.boolean(), false),
    /** Plays at the speed of the recording, not as fast as the model runs. */
    realTime: z._default(z.boolean(), false),
    widthMax,
  }),
});

const commandCamera = z.strictObject({
  ...live,
  kind: z.literal("command"),
  command: z
    .strictObject({
      /** Program and arguments; no shell is in between. */
      run: z.array(text).check(z.minLength(1), z.maxLength(256)),
      /** What the program writes: `mjpeg`, `ppm` (P6), or bare pixels of the given size. */
      format: z.enum(["mjpeg", "ppm", ...rawFormats]),
      width: z.optional(pixels),
      height: z.optional(pixels),
      /** Where it writes: standard output, or descriptor 3 where it chats on standard output. */
      fd: z._default(z.union([z.literal(1), z.literal(3)]), 1),
      /** Variables of the agent's environment that the program needs. */
      env: z._default(z.array(text).check(z.maxLength(64)), []),
    })
    .check(
      z.refine(
        ({ format, width, height }) =>
          format === "mjpeg" || format === "ppm" || (width !== undefined && height !== undefined),
        "bare pixels need width and height; mjpeg and ppm say their size themselves",
      ),
      z.refine(
        ({ format, width = 0, height = 0 }) =>
          format === "mjpeg" ||
          format === "ppm" ||
          !isSubsampled(format) ||
          (width % 2 === 0 && height % 2 === 0),
        "yuv420p and nv12 need an even width and height",
      ),
    ),
});

export const cameraSettings = z.discriminatedUnion("kind", [
  directoryCamera,
  httpCamera,
  syntheticCamera,
  externalCamera,
  rtspCamera,
  mjpegCamera,
  v4l2Camera,
  csiCamera,
  fileCamera,
  commandCamera,
]);
export type CameraConfig = z.output<typeof cameraSettings>;
export type CameraKind = CameraConfig["kind"];
/** When frames without motion are left out. */
export type MotionGateSettings = NonNullable<CameraConfig["motion"]>;

/** The region as corners; `undefined` for the whole picture. */
export function regionOf({ region }: Pick<CameraConfig, "region">): Box | undefined {
  return region && [region.x, region.y, region.x + region.width, region.y + region.height];
}

/** How a camera is watched; `null` where it is not. */
export function healthSettingsOf({ kind, health }: CameraConfig): HealthSettings | null {
  const looksAtOnePlace = !["directory", "file", "http", "external"].includes(kind);
  if (!(health.enabled ?? looksAtOnePlace)) return null;
  const { daylight } = health;
  return {
    ...defaultHealthSettings,
    daylight: daylight && { fromMinute: minuteOf(daylight.from), toMinute: minuteOf(daylight.to) },
  };
}

function minuteOf(clock: string): number {
  const [hours = 0, minutes = 0] = clock.split(":").map(Number);
  return 60 * hours + minutes;
}

/** Paths in a configuration are relative to its folder. @param at makes a path absolute */
export function withPaths(camera: CameraConfig, at: (path: string) => string): CameraConfig {
  if (camera.kind === "directory")
    return { ...camera, directory: { ...camera.directory, path: at(camera.directory.path) } };
  if (camera.kind === "file")
    return { ...camera, file: { ...camera.file, path: at(camera.file.path) } };
  if (camera.kind !== "synthetic" || !camera.synthetic.module.startsWith(".")) return camera;
  const { module } = camera.synthetic;
  return { ...camera, synthetic: { ...camera.synthetic, module: at(module) } };
}
