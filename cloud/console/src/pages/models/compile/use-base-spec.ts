import type { ModelSpec } from "@fieldloop/shared/manifest/model";
import { useState } from "react";
import { readSpec } from "../push.ts";

export interface BaseSpec {
  /** The loaded manifest; empty before. */
  readonly spec: Partial<ModelSpec>;
  /** Changes with each load, so that fields take its values. */
  readonly round: number;
  /** Name of what was loaded last. */
  readonly name: string | undefined;
  readonly error: unknown;
  readonly load: (file: File) => Promise<void>;
}

/** A model.yaml that fills in the fields. */
export function useBaseSpec(): BaseSpec {
  const [state, setState] = useState<Omit<BaseSpec, "load">>({
    spec: {},
    round: 0,
    name: undefined,
    error: undefined,
  });
  const load = async (file: File) => {
    try {
      const spec = await readSpec(file);
      setState(({ round }) => ({ spec, round: round + 1, name: file.name, error: undefined }));
    } catch (error) {
      setState((old) => ({ ...old, name: undefined, error }));
    }
  };
  return { ...state, load };
}
