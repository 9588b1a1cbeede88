import type { LiveEvent } from "@fieldloop/shared/contract/live";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { applyLive } from "../api/apply-live.ts";
import { LiveStream } from "../api/live.ts";
import { LiveContext, type LiveHub, useLiveStatus } from "../hooks/use-live.ts";

const refetchWhileBrokenMs = 30_000;

/** Runs the live stream while somebody is signed in and feeds what the pages hold. */
export function LiveProvider({ children }: { readonly children: React.ReactNode }) {
  const cache = useQueryClient();
  const [hub] = useState((): LiveHub => {
    const listeners = new Set<(events: readonly LiveEvent[]) => void>();
    const stream = new LiveStream({
      onGap: () => void cache.invalidateQueries(),
      onEvents: (events) => {
        applyLive(cache, events);
        for (const listener of listeners) listener(events);
      },
    });
    const onEvents = (listener: (events: readonly LiveEvent[]) => void) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    };
    return { stream, onEvents };
  });
  useEffect(() => {
    hub.stream.start();
    const onVisible = () => hub.stream.visible(document.visibilityState === "visible");
    document.addEventListener("visibilitychange", onVisible);
    return () => {
      document.removeEventListener("visibilitychange", onVisible);
      hub.stream.stop();
    };
  }, [hub]);
  return (
    <LiveContext value={hub}>
      <RefetchWhileBroken />
      {children}
    </LiveContext>
  );
}

/** Without the stream the page still works: it asks again every 30 seconds. */
function RefetchWhileBroken() {
  const { state } = useLiveStatus();
  const cache = useQueryClient();
  useEffect(() => {
    if (state !== "broken") return;
    const timer = window.setInterval(() => void cache.invalidateQueries(), refetchWhileBrokenMs);
    return () => window.clearInterval(timer);
  }, [state, cache]);
  return null;
}
