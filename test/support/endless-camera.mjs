/** Writes bare RGB pictures as fast as they are taken, none like the one before: WIDTH HEIGHT. */
import { once } from "node:events";

const [width, height] = process.argv.slice(2).map(Number);
const frame = Buffer.alloc(3 * width * height);
for (let i = 0; i < frame.length; i++) frame[i] = (i * 31) % 251;
for (let n = 0; ; n++) {
  // A bright patch that wanders is enough for a model to say something else now and then.
  const row = (n * 7) % height;
  frame.fill((n * 53) % 256, 3 * width * row, 3 * width * Math.min(height, row + 20));
  if (!process.stdout.write(Buffer.from(frame))) await once(process.stdout, "drain");
}
