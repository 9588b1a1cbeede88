/** What somebody far away needs to commission a camera: how sharp it is, and what it was. */
import type { Eye } from "./eye.ts";
import type { CommissioningView } from "./preview.ts";

/** The reference travels in a header beside the picture. */
const referenceBytesMax = 2560;

export async function commissioningView(
  eye: Eye,
  camera: string,
  withReference: boolean,
): Promise<CommissioningView | undefined> {
  const isWatched = eye.cameras().some(({ name, health }) => name === camera && health !== null);
  if (!isWatched) return undefined;
  const watch = eye.watchOf(camera);
  const jpeg = withReference ? await watch.referenceJpeg(referenceBytesMax) : undefined;
  return {
    focus: watch.sharpness(),
    ...(jpeg && { reference: Buffer.from(jpeg).toString("base64") }),
  };
}
