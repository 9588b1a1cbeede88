/**
 * Ready-made commands for the usual cameras. Pure: what runs is decided here and run by `command.ts`.
 *
 * Pictures come as PPM where a program decodes, since each then says its own size, and as JPEG where
 * the camera wrote JPEG: nothing is encoded a second time, and no file is written in between.
 */
import type { DeviceProfile } from "@fieldloop/shared/manifest/profile";
import type { CameraConfig } from "./settings.ts";
import type { StreamFormat } from "./stream/parser.ts";

/** One way to get a camera's pictures. */
export interface Recipe {
  readonly command: readonly [string, ...string[]];
  readonly format: StreamFormat;
  readonly fd: 1 | 3;
  /** Variables of the agent's environment to pass on. */
  readonly environment: readonly string[];
  /** What helps where the program is missing. */
  readonly hint?: string;
  /** A program that ends by itself has failed. */
  readonly endless: boolean;
  /** Whether the program keeps to the wanted frame rate itself. */
  readonly paced: boolean;
}

type Of<Kind extends CameraConfig["kind"]> = CameraConfig & { readonly kind: Kind };
type Video = DeviceProfile["video"];

/** Cameras that are read through a program. */
export type RecipeCamera = Of<"rtsp" | "v4l2" | "csi" | "file" | "command">;

const ppm = { kind: "ppm" } as const;
const mjpeg = { kind: "mjpeg" } as const;
const ffmpegHint = "install it with: sudo apt install ffmpeg";

/**
 * The ways to read a camera, best first: a later one is tried where an earlier shows no picture.
 * @param device path of the video device, for `v4l2`
 * @returns at least one
 */
export function recipesOf(
  camera: RecipeCamera,
  video: Video,
  device = "",
): readonly [Recipe, ...Recipe[]] {
  switch (camera.kind) {
    case "rtsp":
      return rtsp(camera, video);
    case "v4l2":
      return [v4l2(camera, device)];
    case "csi":
      return [video?.csi === "argus" ? argus(camera) : rpicam(camera)];
    case "file":
      return [file(camera)];
    case "command":
      return [command(camera)];
  }
}

const ffmpegStart = ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error"] as const;
/** Little memory of what has been, so that a picture is of now. */
const noDelay = ["-fflags", "nobuffer+discardcorrupt", "-flags", "low_delay"] as const;

/**
 * Decodes to PPM: at most `fps` pictures a second by their own times, none of them twice, and none
 * wider than `widthMax`.
 */
function decoded(fps: number | undefined, widthMax: number): readonly string[] {
  const filters = [
    // A frame is due when 98 % of the period have passed, as camera clocks are not exact.
    ...(fps === undefined
      ? []
      : [`select=isnan(prev_selected_t)+gte(t-prev_selected_t\\,${(0.98 / fps).toFixed(6)})`]),
    `scale=w=min(iw\\,${widthMax}):h=-2`,
  ];
  // `-vsync` is the name that ffmpeg 4 to 7 understand.
  const unpaced = ["-vsync", "passthrough"];
  return ["-an", "-sn", "-dn", "-vf", filters.join(","), ...unpaced, ...toPpm];
}

const toPpm = ["-f", "image2pipe", "-c:v", "ppm", "pipe:1"] as const;

function ffmpeg(args: readonly string[], more: Partial<Recipe> = {}): Recipe {
  return {
    command: [...ffmpegStart, ...args],
    format: ppm,
    fd: 1,
    environment: [],
    hint: ffmpegHint,
    endless: true,
    paced: true,
    ...more,
  };
}

function rtsp({ fps, rtsp }: Of<"rtsp">, video: Video): readonly [Recipe, ...Recipe[]] {
  const { url, transport, codec, widthMax } = rtsp;
  const through = (decoder: readonly string[]) =>
    ffmpeg([
      ...noDelay,
      ...decoder,
      ...["-rtsp_transport", transport, "-i", url],
      ...decoded(fps, widthMax),
    ]);
  const hardware = codec === undefined ? undefined : video?.decoders[codec];
  return hardware === undefined ? [through([])] : [through(hardware), through([])];
}

function v4l2({ fps, v4l2 }: Of<"v4l2">, device: string): Recipe {
  const { format, width, height, widthMax } = v4l2;
  const input = [
    ...noDelay,
    ...["-f", "v4l2", "-input_format", format, "-video_size", `${width}x${height}`],
    ...(fps === undefined ? [] : ["-framerate", String(fps)]),
    ...["-i", device],
  ];
  if (format !== "mjpeg") return ffmpeg([...input, ...decoded(fps, widthMax)]);
  // A camera may know no rate this low and send more: the source keeps the rate.
  const copied = ["-an", "-c:v", "copy", "-f", "mjpeg", "pipe:1"];
  return ffmpeg([...input, ...copied], { format: mjpeg, paced: false });
}

function file({ fps, file }: Of<"file">): Recipe {
  const { path, loop, realTime, widthMax } = file;
  const input = [
    ...(realTime ? ["-re"] : []),
    ...(loop ? ["-stream_loop", "-1"] : []),
    ...["-i", `file:${path}`],
  ];
  return ffmpeg([...input, ...decoded(fps, widthMax)], { endless: loop });
}

/** The camera connector of a Raspberry Pi. */
function rpicam({ fps = 5, csi }: Of<"csi">): Recipe {
  const { index, width, height } = csi;
  return {
    command: [
      ...(["rpicam-vid", "--nopreview", "--timeout", "0"] as const),
      ...["--camera", String(index), "--width", String(width), "--height", String(height)],
      ...["--framerate", String(fps), "--codec", "mjpeg", "--flush", "--output", "-"],
    ],
    format: mjpeg,
    fd: 1,
    environment: [],
    hint: "install it with: sudo apt install rpicam-apps",
    endless: true,
    paced: false,
  };
}

/** What the Jetson's sensors deliver; fewer are taken out of it. */
const sensorFps = 30;

/**
 * The camera connector of a Jetson. The source prints news on standard output, so pictures go to
 * descriptor 3; rows whose bytes are a multiple of 4 come without padding.
 */
function argus({ fps = 5, csi }: Of<"csi">): Recipe {
  const { index, width, height } = csi;
  const pipeline = [
    `nvarguscamerasrc sensor-id=${index}`,
    `video/x-raw(memory:NVMM),width=${width},height=${height},framerate=${sensorFps}/1`,
    "nvvidconv",
    "video/x-raw,format=BGRx",
    "videorate drop-only=true",
    `video/x-raw,framerate=${Math.min(sensorFps, Math.max(1, Math.ceil(fps)))}/1`,
    "videoconvert",
    "video/x-raw,format=RGB",
    "fdsink fd=3",
  ];
  return {
    command: ["gst-launch-1.0", "--quiet", ...pipeline.join(" ! ").split(" ")],
    format: { kind: "raw", pixels: "rgb24", width, height },
    fd: 3,
    environment: [],
    hint: "install it with: sudo apt install gstreamer1.0-tools",
    endless: true,
    paced: false,
  };
}

function command({ command }: Of<"command">): Recipe {
  const { run, format, width = 0, height = 0, fd, env } = command;
  const [program = "", ...args] = run;
  return {
    command: [program, ...args],
    format:
      format === "mjpeg" || format === "ppm"
        ? { kind: format }
        : { kind: "raw", pixels: format, width, height },
    fd,
    environment: env,
    endless: true,
    paced: false,
  };
}
