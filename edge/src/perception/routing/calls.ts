/**
 * Calls to the cloud under way: at most so many, each tried once, each with a permission of the
 * breaker and money of the budget that are both given back truly, however the call ends.
 */
import { assert } from "@fieldloop/shared/errors";
import type { RoutingParameters } from "@fieldloop/shared/manifest/routing";
import {
  admit,
  type BreakerOutcome,
  type BreakerState,
  type BreakerTicket,
  closedBreaker,
  mayCall,
  settle,
} from "./breaker.ts";
import {
  type BudgetState,
  dueForSaving,
  reserve,
  restoreBudget,
  type SavedBudget,
  type Spending,
  settleBudget,
  shortOf,
  toSave,
} from "./budget.ts";
import {
  asAppError,
  breakerOutcome,
  type CallEnd,
  callOutcome,
  spendingOf,
  spent,
  timedOut,
  trafficOf,
} from "./call-end.ts";
import type { CloudPort, RoutedFrame } from "./cloud.ts";
import type { RouteInputs } from "./decide-route.ts";
import { type Connection, type LinkHistory, linkState, noHistory, observe } from "./link.ts";
import type { RoutingCounters } from "./report.ts";

export interface CallsOptions {
  readonly cloud: CloudPort;
  /** How the device is connected just now. */
  readonly connection: () => Connection;
  /** Milliseconds that only grow. */
  readonly monotonicMs: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** What `saveBudget` kept last; `undefined` on a device's first start. */
  readonly savedBudget: unknown;
  readonly budgetLimits: RoutingParameters["budget"];
  /** Keeps the budget; called before a call that undercuts what was kept, and at the end. */
  readonly saveBudget: (saved: SavedBudget) => void;
  readonly counters: () => RoutingCounters;
  /** Something threw that should not. */
  readonly onFault: (error: unknown) => void;
}

export interface Call {
  /** Never rejects. */
  readonly done: Promise<CallEnd>;
  /** The frame that waited has been answered without it: what comes now is late. */
  overdue(): void;
}

interface Flight {
  readonly frame: RoutedFrame;
  readonly settings: RoutingParameters;
  readonly ticket: BreakerTicket;
  readonly reserved: Spending;
  readonly startedAt: number;
  readonly controller: AbortController;
  readonly resolve: (end: CallEnd) => void;
  timer: NodeJS.Timeout | undefined;
  overdue: boolean;
}

export class CloudCalls {
  readonly #options: CallsOptions;
  readonly #flights = new Set<Flight>();
  #breaker: BreakerState = closedBreaker;
  #budget: BudgetState;
  #saved: SavedBudget;
  #link: LinkHistory = noHistory;

  constructor(options: CallsOptions) {
    this.#options = options;
    const { savedBudget, budgetLimits } = options;
    this.#budget = restoreBudget(savedBudget, budgetLimits, options.monotonicMs());
    this.#saved = toSave(this.#budget, budgetLimits, true);
  }

  get inFlight(): number {
    return this.#flights.size;
  }

  get breaker(): BreakerState["kind"] {
    return this.#breaker.kind;
  }

  /** What a decision has to know of the calls. */
  look(
    frame: RoutedFrame,
    settings: RoutingParameters,
  ): Pick<RouteInputs, "breaker" | "budgetShort" | "link" | "inFlight" | "requestBytes"> {
    const now = this.#options.monotonicMs();
    return {
      breaker: mayCall(this.#breaker, now),
      budgetShort: shortOf(this.#budget, settings.budget, spendingOf(frame, settings), now),
      link: linkState(this.#link, this.#options.connection(), now),
      inFlight: this.#flights.size,
      requestBytes: frame.cropBytesMax,
    };
  }

  /** Starts a call that `decideRoute` has allowed on what `look` said in the same turn. */
  start(frame: RoutedFrame, settings: RoutingParameters): Call {
    const now = this.#options.monotonicMs();
    const admitted = admit(this.#breaker, now);
    const reserved = spendingOf(frame, settings);
    const reservation = reserve(this.#budget, settings.budget, reserved, now);
    assert(admitted.ticket !== undefined, "the breaker was asked before");
    assert(reservation.kind === "reserved", "the budget was asked before");
    this.#breaker = admitted.state;
    this.#budget = reservation.state;
    this.#keepBudget(settings);
    return this.#launch(frame, settings, admitted.ticket, reserved, now);
  }

  /** Gives all calls up and keeps the budget as it is. */
  stop(settings: RoutingParameters): void {
    for (const flight of [...this.#flights]) {
      this.#end(flight, { kind: "gone" });
      flight.controller.abort();
    }
    this.#save(toSave(this.#budget, settings.budget, true));
  }

  #launch(
    frame: RoutedFrame,
    settings: RoutingParameters,
    ticket: BreakerTicket,
    reserved: Spending,
    startedAt: number,
  ): Call {
    const controller = new AbortController();
    let resolve: (end: CallEnd) => void = () => {};
    const done = new Promise<CallEnd>((settled) => {
      resolve = settled;
    });
    const flight: Flight = {
      frame,
      settings,
      ticket,
      reserved,
      startedAt,
      controller,
      resolve,
      timer: undefined,
      overdue: false,
    };
    flight.timer = setTimeout(() => {
      this.#end(flight, { kind: "failed", error: timedOut(settings.callMsMax) });
      controller.abort();
    }, settings.callMsMax);
    this.#flights.add(flight);
    void this.#ask(flight).then((end) => this.#end(flight, end));
    return { done, overdue: () => this.#overdue(flight) };
  }

  /** The one attempt. Never rejects. */
  async #ask(flight: Flight): Promise<CallEnd> {
    const { frame, settings, controller, startedAt } = flight;
    let picture: Uint8Array;
    try {
      picture = await frame.encode();
    } catch (error) {
      this.#options.onFault(error);
      return { kind: "unsent" };
    }
    if (controller.signal.aborted) return { kind: "gone" };
    if (picture.length > frame.cropBytesMax) return { kind: "unsent" };
    const leftMs = settings.callMsMax - (this.#options.monotonicMs() - startedAt);
    try {
      const { id, key, region } = frame;
      const reply = await this.#options.cloud.ask(
        {
          frame: id,
          key,
          picture,
          ...(region !== undefined && { region }),
          timeoutMs: Math.max(1, leftMs),
        },
        controller.signal,
      );
      return { kind: "answered", reply, ms: this.#options.monotonicMs() - startedAt };
    } catch (error) {
      return { kind: "failed", error: asAppError(error) };
    }
  }

  /**
   * The breaker hears of a missed deadline at once and not when the call is given up much later. A
   * probe stays out until it has really ended, so that there is never a second one beside it.
   */
  #overdue(flight: Flight): void {
    if (!this.#flights.has(flight) || flight.overdue) return;
    flight.overdue = true;
    if (!flight.ticket.probe) this.#settleBreaker(flight, { kind: "failure" });
  }

  /** The one place where a call ends; a second end of the same call is ignored. */
  #end(flight: Flight, end: CallEnd): void {
    if (!this.#flights.delete(flight)) return;
    clearTimeout(flight.timer);
    const { settings, reserved, overdue, ticket } = flight;
    const now = this.#options.monotonicMs();
    const actual = spent(end, reserved);
    this.#budget = settleBudget(this.#budget, settings.budget, reserved, actual, now);
    this.#keepBudget(settings);
    if (!overdue || ticket.probe) this.#settleBreaker(flight, breakerOutcome(end, overdue));
    if (end.kind === "answered") {
      const { sent } = end.reply.traffic;
      this.#link = observe(this.#link, { at: now, bytes: sent, ms: end.ms });
    }
    this.#options
      .counters()
      .called(
        callOutcome(end, overdue),
        trafficOf(end),
        end.kind === "answered" ? end.ms : undefined,
      );
    flight.resolve(end);
  }

  #settleBreaker(flight: Flight, outcome: BreakerOutcome): void {
    const { monotonicMs, random } = this.#options;
    const limits = flight.settings.breaker;
    this.#breaker = settle(this.#breaker, flight.ticket, outcome, monotonicMs(), random(), limits);
  }

  #keepBudget(settings: RoutingParameters): void {
    if (dueForSaving(this.#saved, this.#budget, settings.budget))
      this.#save(toSave(this.#budget, settings.budget, false));
  }

  #save(saved: SavedBudget): void {
    this.#saved = saved;
    try {
      this.#options.saveBudget(saved);
    } catch (error) {
      this.#options.onFault(error);
    }
  }
}
