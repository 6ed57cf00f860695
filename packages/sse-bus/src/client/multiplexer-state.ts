import type { ClientConnection } from "./connection.ts";

/**
 * The connections of a multiplexer.
 *
 * ```
 *          interest               hello            not all interest is served
 *   idle ───────────▶ connecting ───────▶ open ───────────────────────────▶ switching
 *                      ▲    │  ▲          │  ▲                                │    │
 *         wait is over │    │  │          │  └── hello of `next` ─────────────┘    │
 *                      │    │  └──────────┼────── `current` is lost ──────────────┘
 *                      │    │ lost        │ lost, or `bye`
 *                      │    ▼             ▼
 *                      └── waiting ◀──────┘
 * ```
 *
 * - If `next` fails while `switching`, or `current` sends `bye`, `current` is still read while `waiting`,
 *   and the end of the wait leads back to `open`, and from there to `switching`.
 * - A refusal of everything leads from every state to `refused`; other interest, or `renew()`, from
 *   there to `connecting`.
 * - From every state, the end of all interest leads to `idle`.
 */
export type MultiplexerState = Idle | Connecting | Open | Switching | Waiting | Refused;

/** No connection, and no attempt is due. */
interface Idle extends None {
  readonly name: "idle";
}

/** `next` serves the tabs from its `hello` on. */
interface Connecting extends NoWait {
  readonly name: "connecting";
  readonly current?: undefined;
  readonly next: ClientConnection;
}

/** `current` serves the tabs. */
interface Open extends NoWait {
  readonly name: "open";
  readonly current: ClientConnection;
  readonly next?: undefined;
}

/** `current` serves the tabs until the `hello` of `next`: make before break. */
interface Switching extends NoWait {
  readonly name: "switching";
  readonly current: ClientConnection;
  readonly next: ClientConnection;
}

/** The next attempt is made when `timer` fires. */
interface Waiting {
  readonly name: "waiting";
  readonly current: ClientConnection | undefined;
  readonly next?: undefined;
  readonly timer: ReturnType<typeof setTimeout>;
  /** The server asked for this wait: `check()` must not end it. */
  readonly isRequired: boolean;
}

/** The server has refused everything that the tabs wanted: these channels, joined. */
interface Refused extends None {
  readonly name: "refused";
  readonly wanted: string;
}

interface NoWait {
  readonly timer?: undefined;
}

interface None extends NoWait {
  readonly current?: undefined;
  readonly next?: undefined;
}

/** The state with these connections and no wait. */
export function connected(
  current: ClientConnection | undefined,
  next?: ClientConnection,
): MultiplexerState {
  if (!next) return current ? { name: "open", current } : { name: "idle" };
  return current ? { name: "switching", current, next } : { name: "connecting", next };
}

/** The state after this connection has ended. */
export function without(state: MultiplexerState, ended: ClientConnection): MultiplexerState {
  const current = state.current === ended ? undefined : state.current;
  const next = state.next === ended ? undefined : state.next;
  return state.name === "waiting" ? { ...state, current } : connected(current, next);
}
