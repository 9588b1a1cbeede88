export interface Sum {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}
export function sum(steps: readonly { readonly status: number; readonly report: unknown }[]): Sum;
export function sumText(total: Sum): string;
