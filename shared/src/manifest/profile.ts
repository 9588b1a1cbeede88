/** Device profile (firmware manifest): what is known about a class of boards. */
import * as z from "zod/mini";
import { slug } from "../ids.ts";

const reason = z.string().check(z.minLength(1), z.maxLength(500));

export const deviceProfile = z.strictObject({
  schema: z.literal("fieldloop.profile/1"),
  id: slug,
  title: z.string().check(z.maxLength(200)),
  /** `process.arch` values the profile is for. */
  architectures: z.array(z.enum(["arm64", "x64"])).check(z.minLength(1)),
  /** Strings looked for in /proc/device-tree/model; empty where a profile is only named by hand. */
  deviceTreeModels: z.array(z.string()),
  /** Execution providers to try, best first; `cpu` always works and is always last. */
  providers: z.array(z.enum(["cuda", "tensorrt", "cpu"])).check(z.minLength(1)),
  /** Threads inside one operator; more is often slower for small models. */
  intraOpThreads: z.int().check(z.gte(1), z.lte(64)),
  /** Whether ONNX Runtime keeps its memory between runs: steadier, and a little more of it. */
  arena: z._default(z.boolean(), true),
  /** What the agent may take with a model open, resident; a model that needs more is refused. */
  memoryBytesMax: z.int().check(z.positive()),
  /** Why the board has these, a sentence each. */
  reasons: z.strictObject({ intraOpThreads: reason, arena: reason, memoryBytesMax: reason }),
  /**
   * Features the board is known to have, for example `dot-product`. An agent measures those of its
   * processor at the start, and what it measures counts.
   */
  features: z.array(slug),
  /** How pictures are got on the board, where it has its own ways. */
  video: z.optional(
    z.strictObject({
      /** What reads the camera connector: rpicam-vid, or GStreamer with nvarguscamerasrc. */
      csi: z.optional(z.enum(["rpicam", "argus"])),
      /** Input options by which ffmpeg uses the board's decoder, for each codec that it has. */
      decoders: z._default(
        z.partialRecord(
          z.enum(["h264", "hevc", "mjpeg"]),
          z.array(z.string()).check(z.maxLength(16)),
        ),
        {},
      ),
    }),
  ),
  /** Files under /sys that give the temperature in thousandths of a degree Celsius. */
  thermalFiles: z.array(z.string()),
  notes: z.string().check(z.maxLength(2000)),
});
export type DeviceProfile = z.infer<typeof deviceProfile>;
