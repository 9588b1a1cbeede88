/**
 * From frames to facts, as the agent holds it: the results of every camera that follows objects, as
 * counts in the cloud's windows and, where asked for, as events one by one.
 */
import { join } from "node:path";
import { messageOf } from "@fieldloop/shared/errors";
import { type FactEvent, factSentence } from "@fieldloop/shared/vision/tracking/events";
import { tallyOf } from "@fieldloop/shared/vision/tracking/tally";
import type { CameraConfig } from "../perception/camera/settings.ts";
import { CameraFacts, type FactsView } from "../perception/facts/camera-facts.ts";
import type { FrameResult } from "../perception/pipeline.ts";
import type { Files } from "../platform/files.ts";
import type { Reporter } from "../reporting/windows/reporter.ts";

export interface FactsOptions {
  readonly cameras: readonly Pick<CameraConfig, "name" | "facts">[];
  readonly files: Files;
  /** Holds a folder for each camera. */
  readonly folder: string;
  readonly reporter: Pick<Reporter, "fact" | "event">;
  /** Told of everything that happens. @param at when the frame that showed it was captured */
  readonly onEvent: (camera: string, event: FactEvent, at: number) => void;
  readonly onFault: (message: string) => void;
}

/** What a power cut may cost of the counts on the device; what windows have told stays told. */
const saveMs = 60_000;

interface Followed {
  readonly facts: CameraFacts;
  readonly tell: ReadonlySet<string>;
  /** Of the last result: its window counts what happened. */
  model: string;
  at: number;
}

export class Facts {
  readonly #options: FactsOptions;
  readonly #followed: ReadonlyMap<string, Followed>;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: FactsOptions) {
    this.#options = options;
    this.#followed = new Map(
      options.cameras.flatMap(({ name, facts: settings }) => {
        if (settings === undefined) return [];
        const { files, folder, onFault } = options;
        const facts = new CameraFacts({
          camera: name,
          settings,
          files,
          folder: join(folder, name),
          onEvent: (camera, event) => this.#happened(camera, event),
          onFault,
        });
        return [[name, { facts, tell: new Set<string>(settings.tell), model: "none", at: 0 }]];
      }),
    );
  }

  async open(): Promise<void> {
    const all = [...this.#followed.values()];
    await Promise.all(all.map(({ facts }) => facts.open()));
    if (all.length > 0) this.#timer = setInterval(() => void this.#save(), saveMs).unref();
  }

  /** Takes in what holds for a frame. */
  take({ camera, frame, capturedAt, decision, model }: FrameResult): void {
    const followed = this.#followed.get(camera);
    if (followed === undefined) return;
    followed.model = model;
    followed.at = capturedAt;
    followed.facts.take(decision, { id: frame, atMs: capturedAt });
  }

  /** What each object has been taken for; empty where nothing is followed. */
  tracksOf(camera: string): readonly (readonly (string | null)[])[] {
    return this.#followed.get(camera)?.facts.histories() ?? [];
  }

  /** What holds now, by camera; cameras that follow nothing are absent. */
  views(): Record<string, FactsView> {
    return Object.fromEntries(
      [...this.#followed].map(([camera, { facts }]) => [camera, facts.view()]),
    );
  }

  /** Tells what is still in the picture, and keeps the counts. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([...this.#followed.values()].map(({ facts }) => facts.close()));
  }

  #happened(camera: string, event: FactEvent): void {
    const { reporter, onEvent, onFault } = this.#options;
    const followed = this.#followed.get(camera);
    if (followed === undefined) return;
    try {
      onEvent(camera, event, followed.at);
      for (const [key, by] of tallyOf(event)) reporter.fact(camera, followed.model, key, by);
      if (!followed.tell.has(event.kind)) return;
      const { kind, ...detail } = event;
      const message = `the camera ${camera}: ${factSentence(event)}`;
      reporter.event(kind, "info", message, { camera, ...detail });
    } catch (error) {
      onFault(`an event of the camera ${camera} could not be told: ${messageOf(error)}`);
    }
  }

  async #save(): Promise<void> {
    await Promise.all([...this.#followed.values()].map(({ facts }) => facts.save()));
  }
}
