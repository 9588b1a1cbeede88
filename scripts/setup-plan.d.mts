export const nodeVersionMin: string;
export function nodeProblem(version: string, min?: string): string | undefined;
export const compileTools: readonly {
  readonly name: string;
  readonly programs: readonly string[];
  readonly debian: string;
}[];
export function toolProblem(has: (program: string) => boolean): string | undefined;
export function isInstalled(lock: unknown, hidden: unknown): boolean;
export interface Stamps {
  readonly abi?: string | undefined;
  readonly code?: string | undefined;
  readonly console?: string | undefined;
}
export function planSetup(
  mode: "start" | "setup" | "test" | "dev",
  state: {
    readonly installed: boolean;
    readonly stamps: Stamps;
    readonly wanted: Stamps;
    readonly outputs: { readonly code: boolean; readonly console: boolean };
  },
): ("install" | "code" | "console")[];
export function lockHolder(
  text: string,
  startOf: (pid: number) => string | undefined,
): number | undefined;
export function headersPrefix(
  execPath: string,
  version: string,
  read: (path: string) => string | undefined,
): string | undefined;
