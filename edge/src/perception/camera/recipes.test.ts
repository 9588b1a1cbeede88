import { describe, expect, it } from "vitest";
import { readProfiles } from "../inference/profile.ts";
import { type RecipeCamera, recipesOf } from "./recipes.ts";
import { cameraSettings } from "./settings.ts";

const camera = (settings: object) =>
  cameraSettings.parse({ name: "cam", ...settings }) as RecipeCamera; // of a kind that has recipes
const commands = (settings: object, video?: Parameters<typeof recipesOf>[1], device?: string) =>
  recipesOf(camera(settings), video, device).map(({ command }) => command.join(" "));

const url = "rtsp://cam/1";

describe("the command for", () => {
  it("RTSP decodes to PPM, at most so many pictures a second and so wide", () => {
    expect(commands({ kind: "rtsp", fps: 5, rtsp: { url, widthMax: 640 } })).toEqual([
      "ffmpeg -nostdin -hide_banner -loglevel error -fflags nobuffer+discardcorrupt -flags low_delay -rtsp_transport tcp -i rtsp://cam/1 -an -sn -dn -vf select=isnan(prev_selected_t)+gte(t-prev_selected_t\\,0.196000),scale=w=min(iw\\,640):h=-2 -vsync passthrough -f image2pipe -c:v ppm pipe:1",
    ]);
  });

  it("RTSP tries a board's decoder first where the codec is named, and the processor next", async () => {
    const video = { decoders: { h264: ["-c:v", "h264_v4l2m2m"] } };
    const named = commands({ kind: "rtsp", rtsp: { url, codec: "h264", transport: "udp" } }, video);
    expect(named).toHaveLength(2);
    expect(named[0]).toContain("low_delay -c:v h264_v4l2m2m -rtsp_transport udp -i");
    expect(named[1]).not.toContain("v4l2m2m");
    expect(commands({ kind: "rtsp", rtsp: { url } }, video)).toHaveLength(1);
    expect(commands({ kind: "rtsp", rtsp: { url, codec: "hevc" } }, video)).toHaveLength(1);
  });

  it("a USB camera passes its JPEG pictures on, and decodes other formats", () => {
    const v4l2 = { device: "/dev/video0" };
    const [jpeg] = recipesOf(camera({ kind: "v4l2", fps: 5, v4l2 }), undefined, "/dev/video2");
    expect(jpeg.command.join(" ")).toContain(
      "-f v4l2 -input_format mjpeg -video_size 1280x720 -framerate 5 -i /dev/video2 -an -c:v copy -f mjpeg pipe:1",
    );
    expect(jpeg).toMatchObject({ format: { kind: "mjpeg" }, paced: false, endless: true });
    const [raw] = recipesOf(
      camera({ kind: "v4l2", v4l2: { ...v4l2, format: "yuyv422" } }),
      undefined,
      "/dev/video0",
    );
    expect(raw).toMatchObject({ format: { kind: "ppm" }, paced: true });
  });

  it("a camera connector is the board's", async () => {
    const of = async (id: string) => (await readProfiles()).find((one) => one.id === id)?.video;
    const csi = { kind: "csi", fps: 10, csi: { index: 1, width: 640, height: 480 } };
    expect(commands(csi, await of("raspberry-pi-5"))).toEqual([
      "rpicam-vid --nopreview --timeout 0 --camera 1 --width 640 --height 480 --framerate 10 --codec mjpeg --flush --output -",
    ]);
    const [jetson] = recipesOf(camera(csi), await of("jetson-orin-nx"));
    expect(jetson.command.join(" ")).toBe(
      "gst-launch-1.0 --quiet nvarguscamerasrc sensor-id=1 ! video/x-raw(memory:NVMM),width=640,height=480,framerate=30/1 ! nvvidconv ! video/x-raw,format=BGRx ! videorate drop-only=true ! video/x-raw,framerate=10/1 ! videoconvert ! video/x-raw,format=RGB ! fdsink fd=3",
    );
    expect(jetson).toMatchObject({
      fd: 3,
      format: { kind: "raw", pixels: "rgb24", width: 640, height: 480 },
    });
  });

  it("a file ends, unless it loops", () => {
    const of = (file: object) => recipesOf(camera({ kind: "file", file }), undefined)[0];
    expect(of({ path: "/v/a.mp4" })).toMatchObject({ endless: false });
    expect(of({ path: "/v/a.mp4" }).command.join(" ")).toContain("-i file:/v/a.mp4 ");
    const looped = of({ path: "-x", loop: true, realTime: true });
    expect(looped.endless).toBe(true);
    expect(looped.command.join(" ")).toContain("-re -stream_loop -1 -i file:-x ");
  });

  it("a command is the one that was given", () => {
    const command = { run: ["cat", "a b"], format: "nv12", width: 32, height: 16, env: ["CAM"] };
    const [recipe] = recipesOf(camera({ kind: "command", command }), undefined);
    expect(recipe).toMatchObject({
      command: ["cat", "a b"],
      format: { kind: "raw", pixels: "nv12", width: 32, height: 16 },
      environment: ["CAM"],
      fd: 1,
    });
  });
});
