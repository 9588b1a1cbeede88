/**
 * Life cycles as data: for each state and each act either the state it leads to, or why the act is
 * not possible there. Server, console and documentation read the same table, so a disabled button,
 * a refused request and the protocol document say the same. Pure.
 */

/** Why an act is not possible, as the end of a sentence that begins with the thing's name. */
export interface Refused {
  readonly refused: string;
}

/** Total over its states and acts: a missing cell does not compile. */
export type Lifecycle<State extends string, Act extends string> = Readonly<
  Record<State, Readonly<Record<Act, State | Refused>>>
>;

export type Step<State> =
  | { readonly kind: "moved"; readonly state: State }
  | { readonly kind: "refused"; readonly reason: string };

/** Refuses an act; `why` continues a sentence, for example "has been removed". */
export function no(why: string): Refused {
  return { refused: why };
}

/**
 * What an act does to a thing.
 * @param name the thing's name, with which the sentence of a refusal begins
 */
export function step<State extends string, Act extends string>(
  table: Lifecycle<State, Act>,
  thing: { readonly name: string; readonly state: State },
  act: Act,
): Step<State> {
  const cell: State | Refused = table[thing.state][act];
  return typeof cell === "string"
    ? { kind: "moved", state: cell }
    : { kind: "refused", reason: `${thing.name} ${cell.refused}` };
}

/** Why the act is not possible, as one sentence; `undefined` where it is. */
export function refusalOf<State extends string, Act extends string>(
  table: Lifecycle<State, Act>,
  thing: { readonly name: string; readonly state: State },
  act: Act,
): string | undefined {
  const outcome = step(table, thing, act);
  return outcome.kind === "refused" ? outcome.reason : undefined;
}
