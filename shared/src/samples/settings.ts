/**
 * What a device keeps of what it sees, and what of that may leave it. Nothing leaves it unless the
 * desired settings say so: keeping and sending are two questions.
 */
import * as z from "zod/mini";
import { count } from "../ids.ts";
import { sampleLimits } from "./sample.ts";

const share = z.number().check(z.gte(0), z.lte(1));
const labels = z.string().check(z.minLength(1), z.maxLength(128));
const mebi = 1024 * 1024;

/** Pictures and bytes in an hour or a day of the device's clock. */
const quota = (pictures: number, bytes: number) =>
  z.prefault(
    z.strictObject({ countMax: z._default(count, pictures), bytesMax: z._default(count, bytes) }),
    {},
  );

export const sampleSettings = z.strictObject({
  enabled: z._default(z.boolean(), true),
  /** From this hardness on (0 to 1, as hybrid inference measures it) a frame is worth keeping. */
  hardnessMin: z._default(share, 0.5),
  /** Whether frames on which device and cloud differ are kept. */
  disagreements: z._default(z.boolean(), true),
  /** Whether a frame is kept when the camera's health changes. */
  cameraEvents: z._default(z.boolean(), true),
  /** Share of each named class, top class or any detection, that is kept. */
  classes: z._default(z.record(labels, share), {}),
  /** Share of all frames kept by lot, by a hash of the frame's id. */
  randomShare: z._default(share, 0.0005),
  /** Pictures that differ in at most this many of 64 bits (difference hash) are alike. */
  similarBitsMax: z._default(z.int().check(z.gte(0), z.lte(32)), 6),
  /** Like pictures within this time are kept once. */
  similarMs: z._default(z.int().check(z.gte(0), z.lte(86_400_000)), 600_000),
  perHour: quota(20, 4 * mebi),
  perDay: quota(120, 24 * mebi),
  /** Room on the device's disk; the least wanted goes first. */
  diskBytesMax: z._default(count, 256 * mebi),
  /** Width of the kept JPEG; smaller pictures stay as they are. */
  widthMax: z._default(z.int().check(z.gte(32), z.lte(1920)), 640),
  upload: z.prefault(
    z.strictObject({
      /** The privacy policy: without it no picture leaves the device. */
      allowed: z._default(z.boolean(), false),
      /** Whether the regions of found things are blurred before a picture leaves the device. */
      blur: z._default(z.enum(["nothing", "detections"]), "nothing"),
      /** Only these classes are blurred; empty for all. */
      blurLabels: z._default(z.array(labels).check(z.maxLength(64)), []),
      bytesPerDayMax: z._default(count, 16 * mebi),
    }),
    {},
  ),
  /** The last hours as the model saw them, to try another model on. */
  ring: z.prefault(
    z.strictObject({
      /** 0 keeps nothing. */
      hours: z._default(z.number().check(z.gte(0), z.lte(720)), 0),
      /** Frames a second and camera, at most. */
      fps: z._default(z.number().check(z.gt(0), z.lte(30)), 1),
      bytesMax: z._default(count, 1024 * mebi),
    }),
    {},
  ),
});
export type SampleSettings = z.output<typeof sampleSettings>;
/** As people write them: what is left out has its default. */
export type SampleSettingsInput = z.input<typeof sampleSettings>;

export const defaultSampleSettings: SampleSettings = sampleSettings.parse({});

/** The smallest room in which one picture surely fits. */
export const sampleRoomMin = sampleLimits.bytesMax;
