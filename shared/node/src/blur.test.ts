import fc from "fast-check";
import { expect, it } from "vitest";
import { pixelate } from "./blur.ts";

const [width, height] = [40, 30];
const picture = {
  data: Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * 97) % 251),
  width,
  height,
};
const coloursIn = (data: Uint8Array, inside: (x: number, y: number) => boolean): Set<string> => {
  const colours = new Set<string>();
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (inside(x, y))
        colours.add(data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3).join());
  return colours;
};

it("leaves few colours in a box and everything else as it was", () => {
  const { data } = pixelate(picture, [[0.25, 0.2, 0.75, 0.8]]);
  // With its margin of a tenth of its size at each side.
  const inside = (x: number, y: number) => x >= 8 && x < 32 && y >= 4 && y < 26;
  expect(coloursIn(picture.data, inside).size).toBeGreaterThan(200);
  expect(coloursIn(data, inside).size).toBeLessThanOrEqual(36);
  for (let i = 0; i < data.length; i++) {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    if (!inside(x, y)) expect(data[i]).toBe(picture.data[i]);
  }
});

it("takes any boxes, those that lie outside or have no size included", () => {
  const number = fc.double({ min: -0.5, max: 1.5, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.tuple(number, number, number, number), { maxLength: 4 }), (boxes) => {
      expect(pixelate(picture, boxes).data.length).toBe(picture.data.length);
    }),
    { numRuns: 50 },
  );
});
