export function takeLock(
  path: string,
  onWait?: (holder: number) => void,
  pollMs?: number,
): Promise<() => void>;
export function processStart(pid: number): string | undefined;
