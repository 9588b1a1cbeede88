/** What an Ultralytics export notes in an ONNX file's metadata, as Python prints it. Pure. */

export interface UltralyticsNotes {
  readonly labels: readonly string[] | undefined;
  readonly task: "classification" | "detection" | undefined;
  /** The task in Ultralytics' own word, to name it where it is none of ours. */
  readonly taskName: string | undefined;
  readonly size: { readonly width: number; readonly height: number } | undefined;
  readonly licence: string | undefined;
  /** Whether the file says that Ultralytics wrote it: then pixels are scaled to 0..1. */
  readonly byUltralytics: boolean;
}

/** Reads the notes that are there; what is missing or cannot be read is `undefined`. */
export function readUltralytics(metadata: Readonly<Record<string, string>>): UltralyticsNotes {
  const { names, task, imgsz, license, author } = metadata;
  return {
    labels: names === undefined ? undefined : readNames(names),
    task: task === "detect" ? "detection" : task === "classify" ? "classification" : undefined,
    taskName: task,
    size: imgsz === undefined ? undefined : readSize(imgsz),
    licence: license,
    byUltralytics:
      author === "Ultralytics" || (names !== undefined && metadata.stride !== undefined),
  };
}

/** `{0: 'person', 1: "men's hat"}` or `['person', …]`; `undefined` where numbers are left out. */
export function readNames(text: string): readonly string[] | undefined {
  const names: string[] = [];
  const entry = /(?:(\d+)\s*:\s*)?(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")/g;
  for (const [, index, single, double] of text.matchAll(entry)) {
    const place = index === undefined ? names.length : Number(index);
    if (place !== names.length) return undefined;
    names.push((single ?? double ?? "").replaceAll(/\\(.)/g, "$1"));
  }
  return names.length > 0 ? names : undefined;
}

/** `[height, width]` or one number for both. */
function readSize(text: string): UltralyticsNotes["size"] {
  const [height, width = height] = (text.match(/\d+/g) ?? []).map(Number);
  return height === undefined || width === undefined ? undefined : { width, height };
}
