/**
 * What this computer's processor can do, in the words that model variants and device profiles use:
 *
 *   avx2         x86: 256-bit integers
 *   vnni         x86: products of bytes summed in 32 bits (AVX-512 VNNI or AVX-VNNI)
 *   asimd        ARM: the vector unit of every 64-bit ARM
 *   dot-product  ARM: products of bytes summed in 32 bits
 *   fp16         ARM: arithmetic in half floats
 *   int8-dot     either of `vnni` and `dot-product`
 *
 * An 8-bit model with full-range weights overflows on x86 without `vnni`: two products of bytes are
 * added in 16 bits there. Such a variant names what it needs, and a board without it takes another.
 */
import { readFile } from "node:fs/promises";
import { cpus } from "node:os";
import type { DeviceProfile } from "@fieldloop/shared/manifest/profile";

/** Feature by the kernel's name for it. */
const x86Names: Readonly<Record<string, string>> = {
  avx2: "avx2",
  avx512_vnni: "vnni",
  avx_vnni: "vnni",
};
const armNames: Readonly<Record<string, string>> = {
  asimd: "asimd",
  asimddp: "dot-product",
  asimdhp: "fp16",
};

/** Features this file can tell; about any other one only a profile knows. */
const measurable = new Set([...Object.values(x86Names), ...Object.values(armNames), "int8-dot"]);

/**
 * Features that every core has, sorted: a thread may run on any of them.
 * @param cpuinfo text of /proc/cpuinfo
 * @returns `undefined` where the text does not list features
 */
export function processorFeatures(cpuinfo: string): readonly string[] | undefined {
  const cores = [...cpuinfo.matchAll(/^(flags|Features)[ \t]*:(.*)$/gm)].map(
    ([, key, names = ""]) => featuresOf(names, key === "flags" ? x86Names : armNames),
  );
  const [first, ...others] = cores;
  if (first === undefined) return undefined;
  return [...first].filter((feature) => others.every((core) => core.has(feature))).sort();
}

function featuresOf(names: string, known: Readonly<Record<string, string>>): ReadonlySet<string> {
  const features = new Set<string>();
  for (const name of names.trim().split(/\s+/))
    if (Object.hasOwn(known, name)) features.add(known[name] ?? "");
  if (features.has("vnni") || features.has("dot-product")) features.add("int8-dot");
  return features;
}

/**
 * The profile with what was measured: of the features that can be measured those of the processor
 * count, of all others those of the profile. A profile named by hand for another board then does
 * not bring a model that this processor computes wrongly.
 * @param measured from `processorFeatures`; `undefined` leaves the profile as it is
 */
export function withProcessor(
  profile: DeviceProfile,
  measured: readonly string[] | undefined,
): DeviceProfile {
  if (measured === undefined) return profile;
  const told = profile.features.filter((feature) => !measurable.has(feature));
  return { ...profile, features: [...measured, ...told] };
}

/** Reads the processor's features; `undefined` where the system does not tell them. */
export async function readProcessor(
  path = "/proc/cpuinfo",
): Promise<readonly string[] | undefined> {
  const text = await readFile(path, "utf8").catch(() => ""); // other systems have no such file
  return processorFeatures(text);
}

/** What the board calls itself, or else its processor; at most 200 characters. */
export async function readProcessorName(path = "/proc/device-tree/model"): Promise<string> {
  // The file ends with a zero byte and is missing wherever there is no device tree.
  const board = await readFile(path, "utf8").catch(() => "");
  const name = board.replaceAll("\0", "").trim() || cpus()[0]?.model.trim() || process.arch;
  return name.slice(0, 200);
}
