import { it } from "vitest";
import { structuredTiles } from "../compare.ts";
import { measure } from "../measure.ts";
import { referenceOf } from "../reference.ts";
import { register } from "../register.ts";
import { daylight, exposed, type Light, type Optics, seen } from "./camera.ts";
import { randomFrom } from "./random.ts";
import { drawn, scenesOf } from "./scene.ts";

it("tries", () => {
  const random = randomFrom(5);
  const sensor = { noise: 2.5, random };
  for (const scene of scenesOf(1)) {
    const t0 = performance.now();
    const reference = referenceOf(
      Array.from({ length: 20 }, (_, i) =>
        exposed(seen(drawn(scene, i * 3.7), {}), daylight, sensor, scene.chroma),
      ),
    );
    console.log(
      scene.name,
      "json",
      JSON.stringify(reference).length,
      "structured",
      structuredTiles(reference).reduce((a, b) => a + b, 0),
      "noise",
      reference.noise,
      "focus",
      reference.focus,
      ((performance.now() - t0) / 20).toFixed(1),
    );
    const cases: [string, Optics, Light?][] = [
      ["ok", {}],
      ["ok2", {}],
      ["night.1", {}, { gain: 0.1, tilt: 0.5, shadow: null }],
      ["night.03", {}, { gain: 0.03, tilt: 0.5, shadow: null }],
      ["shadow", {}, { gain: 1.1, tilt: -0.5, shadow: 0.5 }],
      ["blur2", { blurPixels: 2 }],
      ["blur3", { blurPixels: 3 }],
      ["blur5", { blurPixels: 5 }],
      ["blur8", { blurPixels: 8 }],
      ["blur16", { blurPixels: 16 }],
      ["blur4night", { blurPixels: 4 }, { gain: 0.1, tilt: 0.5, shadow: null }],
      ["full", { cover: { kind: "full", level: 90, place: 0.3 } }],
      ["fulldark", { cover: { kind: "full", level: 25, place: 0.6 } }],
      ["half", { cover: { kind: "half", level: 120, place: 0.3 } }],
      ["halfblack", { cover: { kind: "half", level: 6, place: 0.3 } }],
      ["hand", { cover: { kind: "hand", level: 150, place: 0.3 } }],
      ["tape", { cover: { kind: "tape", level: 200, place: 0.3 } }],
      ["fog.5", { fog: { transmission: 0.5, level: 190 }, blurPixels: 1 }],
      ["fog.3", { fog: { transmission: 0.3, level: 170 }, blurPixels: 2.5 }],
      ["fog.15", { fog: { transmission: 0.15, level: 170 }, blurPixels: 3 }],
      ["move3", { pose: { dx: 3, dy: 0, degrees: 0 } }],
      ["move-5,4", { pose: { dx: -5, dy: 4, degrees: 0 } }],
      ["move40", { pose: { dx: 30, dy: -26, degrees: 0 } }],
      ["rot1", { pose: { dx: 0, dy: 0, degrees: 1 } }],
      ["rot3", { pose: { dx: 6, dy: 0, degrees: 3 } }],
      ["rot7", { pose: { dx: 6, dy: 9, degrees: -7 } }],
    ];
    let tm = 0,
      tr = 0;
    for (const [name, optics, light] of cases) {
      const p1 = seen(drawn(scene, 100.3), optics),
        p2 = seen(drawn(scene, 101.3), optics);
      const a = exposed(p1, light ?? daylight, sensor, scene.chroma),
        b = exposed(p2, light ?? daylight, sensor, scene.chroma);
      const t1 = performance.now();
      const f = measure(b, a, reference);
      const t2 = performance.now();
      const r = register(b, reference, f.noise);
      const t3 = performance.now();
      tm += t2 - t1;
      tr += t3 - t2;
      const n = (x: number | null | undefined) => (x == null ? "-" : x.toFixed(2));
      const c = f.compared!;
      console.log(
        name.padEnd(10),
        "noise",
        n(f.noise),
        "foc",
        n(f.focus.laplacian),
        "sharp",
        n(c.sharpness),
        "kept",
        n(c.contrastKept),
        "like",
        n(c.layoutLikeness),
        "slope",
        n(c.layoutSlope),
        "cov",
        n(c.coveredShare),
        "still",
        n(c.stillShare),
        "gain",
        n(c.gain),
        "dc",
        n(f.darkChannel),
        "| dx",
        n(r?.dx),
        n(r?.dy),
        "rot",
        n(r?.rotationDegrees),
        "sc",
        r?.scale.toFixed(3),
        "conf",
        n(r?.confidence),
        n(r?.confidenceUnmoved),
        "disp",
        n(r?.displacement),
      );
    }
    console.log("measure ms", tm / cases.length, "register ms", tr / cases.length);
  }
}, 120000);
