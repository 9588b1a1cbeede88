/**
 * Tells systemd how the agent is, through the `systemd-notify` program: the notification socket is a
 * datagram socket of the unix family, which Node cannot write to. The unit needs `NotifyAccess=all`.
 */
import { execFile } from "node:child_process";

/** Sends one state, for example `READY=1` or `STATUS=looking`; does nothing outside systemd. */
export type Notify = (state: string) => void;

/** @param onError told once if the program cannot be run; the agent goes on without */
export function openNotify(
  environment: Readonly<Record<string, string | undefined>>,
  onError: (error: Error) => void,
): Notify {
  if (!environment.NOTIFY_SOCKET) return () => {};
  let broken = false;
  return (state) => {
    if (broken) return;
    execFile("systemd-notify", [state], { timeout: 5000 }, (error) => {
      if (error === null || broken) return;
      broken = true;
      onError(error);
    });
  };
}
