import type { Member } from "./member.ts";

/**
 * Gives the presence of a channel. `Info` is the type of the `info` that `authorize` returns, and `State` that
 * of the states that clients set. Neither is checked at run time.
 *
 * @throws SseBusError `INVALID_CHANNEL`
 * @example
 * ```ts
 * const members = await bus.presence<{ name: string }, { typing: boolean }>("rooms/1").list();
 * ```
 */
export type BusPresence = <Info = unknown, State = unknown>(
  channel: string,
) => ChannelPresence<Info, State>;

/** Who is present on a channel, on all instances. Methods do not use `this`, so you can destructure them. */
export interface ChannelPresence<Info = unknown, State = unknown> {
  /**
   * The members, in no particular order. The first call asks the other instances, which takes up to a
   * second; the process then follows the channel for 30 s after the last use.
   *
   * @throws SseBusError `BUS_CLOSED`, `BACKEND_UNAVAILABLE`, and `CURSOR_AT_BUILD` during `next build`
   */
  readonly list: () => Promise<Member<Info, State>[]>;
  /** How many members there are. @throws SseBusError as `list` */
  readonly count: () => Promise<number>;
  /**
   * Calls `listener` with `{ type: "members", members }` once the members are known, then with each `join`,
   * `update` and `leave`. After a loss of messages, it is called with `members` again. If it throws, the
   * error goes to `onError`.
   *
   * @returns a function that ends the subscription; calling it again does nothing
   * @throws SseBusError `INVALID_OPTION`, `BUS_CLOSED`
   */
  readonly subscribe: (listener: PresenceListener<Info, State>) => () => void;
}

/** A change of one member, or all members: at first, and after a loss of messages. */
export type PresenceChange<Info = unknown, State = unknown> =
  | { readonly type: "join" | "update" | "leave"; readonly member: Member<Info, State> }
  | { readonly type: "members"; readonly members: readonly Member<Info, State>[] };

/** Called with each change; see {@link ChannelPresence.subscribe}. */
export type PresenceListener<Info = unknown, State = unknown> = (
  change: PresenceChange<Info, State>,
) => void;
