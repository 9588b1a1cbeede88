import { devices } from "@fieldloop/shared/contract/devices";
import { useEffect, useState } from "react";
import { client } from "../../api/client.ts";
import { useLiveEvents } from "../../hooks/use-live.ts";
import { type FrameResult, frameResult } from "./frame-result.ts";

/** The server stops frames 30 seconds after the last request. */
const renewMs = 20_000;

export interface LiveFrame {
  readonly at: number;
  readonly result: FrameResult;
}

export interface Watch {
  readonly isWatching: boolean;
  readonly setWatching: (on: boolean) => void;
  readonly frame: LiveFrame | undefined;
  readonly error: unknown;
}

/**
 * Asks for live frames while switched on and the page can be seen.
 * @param camera only frames of this one; of all where absent
 */
export function useWatch(id: string, camera?: string): Watch {
  const [isWatching, setOn] = useState(false);
  const [frame, setFrame] = useState<LiveFrame | undefined>(undefined);
  const [error, setError] = useState<unknown>(undefined);
  useEffect(() => {
    if (!isWatching) return;
    const ask = () => {
      if (document.visibilityState !== "visible") return;
      client.call(devices.watch, { params: { id } }).then(
        () => setError(undefined),
        (failure: unknown) => setError(failure),
      );
    };
    ask();
    const timer = window.setInterval(ask, renewMs);
    document.addEventListener("visibilitychange", ask);
    return () => {
      window.clearInterval(timer);
      document.removeEventListener("visibilitychange", ask);
    };
  }, [isWatching, id]);
  useLiveEvents((events) => {
    if (!isWatching) return;
    const frames = events.flatMap((event) =>
      event.kind === "frame" && event.device === id
        ? [{ at: event.at, result: frameResult(event.result) }]
        : [],
    );
    const newest = frames.findLast(({ result }) => (camera ?? result.camera) === result.camera);
    if (newest !== undefined) setFrame(newest);
  });
  return {
    isWatching,
    frame,
    error,
    setWatching: (on) => {
      setOn(on);
      setFrame(undefined);
      setError(undefined);
    },
  };
}
