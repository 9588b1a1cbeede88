/** Pictures to ask a model about where nobody gave golden images. */
import { encodeJpeg } from "@fieldloop/shared-node/image";

const width = 320;
const height = 240;
const shapes = 12;

/** How many are made, and how many of them become golden questions. */
export const picturesMade = 6;
export const picturesKept = 3;

/** Small JPEGs of a colour gradient with rectangles and discs; the same for the same seed. */
export async function testPictures(): Promise<Uint8Array[]> {
  const pictures: Uint8Array[] = [];
  for (let seed = 1; seed <= picturesMade; seed++) {
    const frame = { kind: "raw", data: paint(seed), width, height } as const;
    pictures.push(await encodeJpeg(frame, { widthMax: width, bytesMax: 256 * 1024 }));
  }
  return pictures;
}

/** RGB pixels, row by row. */
export function paint(seed: number): Uint8Array {
  const random = randomFrom(seed);
  const byte = () => Math.floor(random() * 256);
  const corner = [byte(), byte(), byte()];
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) {
    const slope = ((i % width) / width + Math.floor(i / width) / height) / 2;
    for (const [channel, value] of corner.entries())
      data[3 * i + channel] = value + (128 - value) * slope;
  }
  for (let n = 0; n < shapes; n++) {
    const [x, y] = [random() * width, random() * height];
    const radius = 8 + random() * 56;
    drawShape(data, { x, y, radius, round: n % 2 === 0, colour: [byte(), byte(), byte()] });
  }
  return data;
}

function drawShape(
  data: Uint8Array,
  shape: {
    readonly x: number;
    readonly y: number;
    readonly radius: number;
    readonly round: boolean;
    readonly colour: readonly number[];
  },
): void {
  const { x, y, radius, round, colour } = shape;
  const top = Math.max(0, Math.ceil(y - radius));
  const left = Math.max(0, Math.ceil(x - radius));
  for (let row = top; row < Math.min(height, y + radius); row++)
    for (let column = left; column < Math.min(width, x + radius); column++)
      if (!round || (column - x) ** 2 + (row - y) ** 2 < radius ** 2)
        data.set(colour, 3 * (row * width + column));
}

/** Mulberry32 (Tommy Ettinger, public domain): numbers in [0, 1). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
