/** From a camera's configuration to its source. */
import type { DeviceProfile } from "@fieldloop/shared/manifest/profile";
import { defaultImageLimits } from "@fieldloop/shared-node/image";
import { redactorOf } from "../../platform/redact.ts";
import type { DropPolicy } from "../frame-queue.ts";
import { CommandSource } from "./command.ts";
import { directorySource } from "./directory.ts";
import { ExternalSource } from "./external.ts";
import { HttpPushSource } from "./http-push.ts";
import { MjpegSource } from "./mjpeg.ts";
import { type RecipeCamera, recipesOf } from "./recipes.ts";
import type { CameraConfig, CameraKind } from "./settings.ts";
import type { FrameSource } from "./source.ts";
import { SyntheticSource } from "./synthetic.ts";
import { VideoDeviceFinder } from "./video-device.ts";

export interface OpenOptions {
  readonly frameBytesMax: number;
  /** The device profile's part on video. */
  readonly video: DeviceProfile["video"];
  /** Seeds a synthetic camera that names no seed itself. */
  readonly seed: string;
}

export function openSource(camera: CameraConfig, options: OpenOptions): FrameSource {
  const { frameBytesMax, seed } = options;
  const periodMs = camera.fps === undefined ? null : 1000 / camera.fps;
  const limits = { ...defaultImageLimits, frameBytesMax };
  switch (camera.kind) {
    case "external":
      return new ExternalSource(camera.external.stallMsMax);
    case "http":
      return new HttpPushSource({ frameBytesMax });
    case "directory": {
      const { path, loop } = camera.directory;
      return directorySource({ folder: path, loop, periodMs, frameBytesMax });
    }
    case "synthetic":
      return new SyntheticSource({
        ...camera.synthetic,
        seed: camera.synthetic.seed ?? seed,
        periodMs: periodMs ?? 500,
      });
    case "mjpeg": {
      const { url } = camera.mjpeg;
      return new MjpegSource({ url, fps: camera.fps, stallMsMax: stallMsOf(camera), limits });
    }
    default:
      return new CommandSource({
        recipes: recipesFor(camera, options.video),
        fps: camera.fps,
        stallMsMax: camera.kind === "file" ? null : stallMsOf(camera),
        redact: redactorOf(urlsOf(camera)),
        limits,
      });
  }
}

function recipesFor(camera: RecipeCamera, video: OpenOptions["video"]) {
  if (camera.kind !== "v4l2") return async () => recipesOf(camera, video);
  const finder = new VideoDeviceFinder(camera.v4l2.device);
  return async () => recipesOf(camera, video, await finder.path());
}

/** A camera that is asked for a picture a minute is not silent in between. */
function stallMsOf({
  stallMsMax,
  fps,
}: Pick<RecipeCamera & { stallMsMax: number }, "stallMsMax" | "fps">) {
  return fps === undefined ? stallMsMax : Math.max(stallMsMax, 3000 / fps);
}

function urlsOf(camera: RecipeCamera): readonly string[] {
  if (camera.kind === "rtsp") return [camera.rtsp.url];
  return camera.kind === "command" ? camera.command.run : [];
}

/**
 * Live cameras show the present, folders and files are read whole, and who pushes hears that it is
 * too much.
 */
export function defaultPolicyOf(kind: CameraKind): DropPolicy {
  if (kind === "directory" || kind === "file") return "wait";
  return kind === "http" ? "drop-latest" : "adaptive";
}
