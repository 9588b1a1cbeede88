import { AppError } from "@fieldloop/shared/errors";
import { useState } from "react";
import { tc } from "../../../text/t-compile.ts";
import type { Material } from "./compile-upload.ts";
import { type Labels, readLabels } from "./labels-csv.ts";
import { classesOf, picturesProblem } from "./wish.ts";

export interface MaterialFiles {
  readonly pictures: readonly File[];
  /** Text of labels.csv; `undefined` where none was chosen. */
  readonly labelsText: string | undefined;
  readonly setPictures: (files: FileList | null) => void;
  readonly setLabels: (files: FileList | null) => Promise<void>;
  /** What is wrong by field; empty where all fits. */
  readonly problems: (data: FormData) => Readonly<Record<string, string>>;
  /** What is uploaded. */
  readonly read: (data: FormData) => Material;
}

const noLabels: Labels = { kind: "labels", of: new Map() };

/** Model, pictures and their labels as they were chosen. */
export function useMaterial(): MaterialFiles {
  const [pictures, setPictures] = useState<readonly File[]>([]);
  const [labelsText, setLabelsText] = useState<string | undefined>(undefined);
  const labelsOf = (data: FormData): Labels => {
    if (labelsText === undefined) return noLabels;
    const names = new Set(pictures.map(({ name }) => name));
    return readLabels(labelsText, names, classesOf(String(data.get("labels") ?? "")));
  };
  return {
    pictures,
    labelsText,
    setPictures: (files) =>
      setPictures([...(files ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1))),
    setLabels: async (files) => setLabelsText(await files?.[0]?.text()),
    problems: (data) => {
      const wrong = picturesProblem(pictures.map(({ name }) => name));
      const labels = labelsOf(data);
      return {
        ...(modelOf(data) === undefined ? { model: tc("ask.needModel") } : {}),
        ...(wrong === undefined ? {} : { samples: wrong }),
        ...(wrong !== undefined || labels.kind === "labels" ? {} : { labelsFile: labels.sentence }),
      };
    },
    read: (data) => {
      const model = modelOf(data);
      const labels = labelsOf(data);
      if (model === undefined || labels.kind === "problem")
        throw new AppError({ code: "bad-files", message: tc("ask.needModel") });
      return { model, pictures, labels: labels.of };
    },
  };
}

function modelOf(data: FormData): File | undefined {
  const file = data.get("model");
  return file instanceof File && file.size > 0 ? file : undefined;
}
