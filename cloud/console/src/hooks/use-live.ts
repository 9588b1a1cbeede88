import type { LiveEvent } from "@fieldloop/shared/contract/live";
import { createContext, useContext, useEffect, useRef, useSyncExternalStore } from "react";
import type { LiveStatus, LiveStream } from "../api/live.ts";

export interface LiveHub {
  readonly stream: LiveStream;
  /** Calls `listener` with every batch of events, after the cache has them. */
  readonly onEvents: (listener: (events: readonly LiveEvent[]) => void) => () => void;
}

export const LiveContext = createContext<LiveHub | undefined>(undefined);

const idle: LiveStatus = { state: "connecting", heardAt: undefined };
const never = () => () => undefined;

/** Whether the live stream is up, and when it was last heard. */
export function useLiveStatus(): LiveStatus {
  const hub = useContext(LiveContext);
  return useSyncExternalStore(hub?.stream.subscribe ?? never, hub?.stream.status ?? (() => idle));
}

/** Calls the newest `listener` with each batch of live events. */
export function useLiveEvents(listener: (events: readonly LiveEvent[]) => void): void {
  const hub = useContext(LiveContext);
  const newest = useRef(listener);
  useEffect(() => {
    newest.current = listener;
  });
  useEffect(() => hub?.onEvents((events) => newest.current(events)), [hub]);
}

/** Limits the live stream to one device while the page is open. */
export function useLiveFocus(device: string): void {
  const hub = useContext(LiveContext);
  useEffect(() => {
    hub?.stream.focus(device);
    return () => hub?.stream.focus(undefined);
  }, [hub, device]);
}
