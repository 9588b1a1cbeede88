import { describe, expect, it } from "vitest";
import { readLabels } from "./labels-csv.ts";
import { picturesProblem, readWish, triplesProblems, typedWish } from "./wish.ts";

function form(fields: Readonly<Record<string, string>>): FormData {
  const data = new FormData();
  const all = { name: "eggs", version: "1.0.0", lossPointsMax: "0.5", kinds: "int8", ...fields };
  for (const [name, value] of Object.entries(all)) data.append(name, value);
  return data;
}

describe("the compile form", () => {
  it("leaves out what is not filled in", () => {
    const wish = readWish(form({ task: "", labels: " ", mean: "", output: "" }), {});
    expect(wish).toEqual({
      spec: { name: "eggs", version: "1.0.0" },
      lossPointsMax: 0.5,
      kinds: ["int8"],
    });
    expect(typedWish.safeParse(wish).success).toBe(true);
  });

  it("reads classes, three numbers and the kind of output", () => {
    const fields = { labels: "clean, cracked\nempty", mean: "0 0,0", std: "255 255 255" };
    expect(readWish(form({ ...fields, output: "yolo-v8" }), {})).toMatchObject({
      spec: {
        labels: ["clean", "cracked", "empty"],
        input: { mean: [0, 0, 0], std: [255, 255, 255] },
        output: { kind: "yolo", head: "v8" },
      },
    });
  });

  it("keeps of a loaded manifest what the fields do not show", () => {
    const output = { kind: "yolo", head: "v8", scoreMin: 0.3 } as const;
    const base = { licence: "MIT", input: { fit: "letterbox" as const }, output };
    expect(readWish(form({ output: "yolo-v8" }), base)).toMatchObject({
      spec: { licence: "MIT", input: { fit: "letterbox" }, output },
    });
    const other = readWish(form({ output: "ssd" }), base);
    expect(other).toMatchObject({ spec: { output: { kind: "ssd" } } });
  });

  it("says what does not fit", () => {
    expect(triplesProblems(form({ mean: "1 2", std: "1 0 1" }))).toEqual({
      mean: "write three numbers, for example 123.7 116.3 103.5",
      std: "write three numbers that are not 0",
    });
    expect(typedWish.safeParse(readWish(form({ lossPointsMax: "" }), {})).success).toBe(false);
    expect(picturesProblem([])).toBe("choose pictures");
    expect(picturesProblem(["a.jpg", "b.txt"])).toContain("b.txt is not a picture");
    expect(picturesProblem(["a.jpg", "a.jpg"])).toContain("two pictures are called a.jpg");
    expect(picturesProblem(["a.jpg", "b.PNG"])).toBeUndefined();
  });
});

describe("labels.csv", () => {
  const pictures = new Set(["a.jpg", "b,c.jpg"]);
  const read = (text: string, classes: readonly string[] = ["clean", "cracked"]) =>
    readLabels(text, pictures, classes);

  it("takes a heading, quotes, commas in names and empty lines", () => {
    expect(read('\uFEFFfile,label\r\na.jpg,clean\r\n\r\n"b,c.jpg", "cracked"\n')).toEqual({
      kind: "labels",
      of: new Map([
        ["a.jpg", "clean"],
        ["b,c.jpg", "cracked"],
      ]),
    });
  });

  it.each([
    ["a.jpg", "labels.csv, line 1: write file,label, for example 0001.jpg,clean"],
    ["file,label\na.jpg,", "labels.csv, line 2: write file,label, for example 0001.jpg,clean"],
    ["a.jpg,clean\na.jpg,clean", "labels.csv, line 2: a.jpg is named a second time"],
    ["d.jpg,clean", "labels.csv, line 1: there is no d.jpg among the chosen pictures"],
    ["a.jpg,dirty", "labels.csv, line 1: the model does not know dirty, but clean, cracked"],
    ["file,label\n", "labels.csv names no picture"],
  ])("refuses %j", (text, sentence) => {
    expect(read(text)).toEqual({ kind: "problem", sentence });
  });

  it("leaves classes that are not known here to the server", () => {
    expect(read("a.jpg,anything", [])).toMatchObject({ kind: "labels" });
  });
});
