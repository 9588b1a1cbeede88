import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync(new URL("./tokens.css", import.meta.url), "utf8");

type Triple = readonly [number, number, number];
const themes = ["light", "dark"] as const;

/** OKLCH → linear sRGB (Ottosson 2020, "A perceptual color space for image processing"). */
function linearOf(oklch: string): Triple {
  const [l, c, h] = (oklch.match(/[\d.]+/g) ?? []).map(Number) as [number, number, number];
  const [a, b] = [c * Math.cos((h * Math.PI) / 180), c * Math.sin((h * Math.PI) / 180)];
  const L = (l / 100 + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const M = (l / 100 - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const S = (l / 100 - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const clamp = (x: number) => Math.min(1, Math.max(0, x));
  return [
    clamp(4.0767416621 * L - 3.3077115913 * M + 0.2309699292 * S),
    clamp(-1.2684380046 * L + 2.6097574011 * M - 0.3413193965 * S),
    clamp(-0.0041960863 * L - 0.7034186147 * M + 1.707614701 * S),
  ];
}

/** Linear sRGB → OKLab. */
function labOf([r, g, b]: Triple): Triple {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

/** Full deuteranopia and protanopia in linear sRGB (Machado, Oliveira, Fernandes 2009, severity 1). */
const visions: Record<string, (c: Triple) => Triple> = {
  normal: (c) => c,
  deutan: ([r, g, b]) => [
    0.367322 * r + 0.860646 * g - 0.227968 * b,
    0.280085 * r + 0.672501 * g + 0.047413 * b,
    -0.01182 * r + 0.04294 * g + 0.968881 * b,
  ],
  protan: ([r, g, b]) => [
    0.152286 * r + 1.052583 * g - 0.204868 * b,
    0.114503 * r + 0.786281 * g + 0.099216 * b,
    -0.003882 * r - 0.048116 * g + 1.051998 * b,
  ],
};

function token(name: string, theme: (typeof themes)[number]): Triple {
  const match = new RegExp(
    `--${name}: light-dark\\((oklch\\([^)]*\\)), (oklch\\([^)]*\\))\\)`,
  ).exec(css);
  const text = match?.[theme === "light" ? 1 : 2];
  if (text === undefined) throw new Error(`no colour --${name}`);
  return linearOf(text);
}

const luminance = ([r, g, b]: Triple) => 0.2126 * r + 0.7152 * g + 0.0722 * b;

function contrast(a: Triple, b: Triple): number {
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p) as [number, number];
  return (x + 0.05) / (y + 0.05);
}

function distanceMin(names: readonly string[], theme: (typeof themes)[number]): number {
  const clamp = (c: Triple) => c.map((x) => Math.max(0, x)) as unknown as Triple;
  const distances = Object.values(visions).flatMap((see) => {
    const labs = names.map((name) => labOf(clamp(see(token(name, theme)))));
    return labs.flatMap((a, i) =>
      labs.slice(i + 1).map((b) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2])),
    );
  });
  return Math.min(...distances);
}

const statuses = ["ok", "warn", "critical", "info", "canary", "unknown"];
const series = ["series-1", "series-2", "series-3", "series-4", "series-5"];

describe.each(themes)("colours of the %s theme", (theme) => {
  it.each(["text", "muted", "accent", ...statuses])(
    "%s reads at 4.5:1 on every surface",
    (name) => {
      for (const surface of ["bg", "panel", "sunken"])
        expect(contrast(token(name, theme), token(surface, theme))).toBeGreaterThanOrEqual(4.5);
    },
  );

  it.each(["control", ...series])("%s is seen at 3:1 on every surface", (name) => {
    for (const surface of ["bg", "panel", "sunken"])
      expect(contrast(token(name, theme), token(surface, theme))).toBeGreaterThanOrEqual(3);
  });

  it("writes on the accent colour at 4.5:1", () => {
    expect(contrast(token("on-accent", theme), token("accent", theme))).toBeGreaterThanOrEqual(4.5);
  });

  it("keeps statuses apart for normal, deutan and protan eyes", () => {
    expect(distanceMin(statuses, theme)).toBeGreaterThanOrEqual(0.075);
  });

  it("keeps chart series apart for normal, deutan and protan eyes", () => {
    expect(distanceMin(series, theme)).toBeGreaterThanOrEqual(0.14);
  });
});
