import type { LiveMessage } from "../core/live/live-types.ts";
import { SseBusError } from "../core/errors.ts";
import type { LiveEntry, ReadyReducer } from "./ready-reducer.ts";

/**
 * The data of the newest message; `undefined` before the first one. With an `initial` of your own, the value
 * starts with that.
 *
 * @example
 * ```ts
 * export const price = defineLive({ channel: "prices/acme", reduce: newestValue() });
 * ```
 */
export function newestValue<Data = unknown>(): ReadyReducer<"newest", Data> {
  return NEWEST;
}

const NEWEST: ReadyReducer<"newest", never> = Object.assign((_: unknown, data: unknown) => data, {
  initial: undefined,
});

/** Options of {@link newestByKey}. */
export interface NewestByKeyOptions<Data = unknown> {
  /** Returns `true` for data that removes its key. @default none does */
  // oxlint-disable-next-line typescript/no-explicit-any -- without `Data`, the channel decides
  readonly removes?: (data: unknown extends Data ? any : Data) => boolean;
  /**
   * How many keys are kept. With more, those that were added first are removed; of keys that are whole numbers, the
   * smallest ones, before all others.
   * @default 1_000
   */
  readonly max?: number;
}

/**
 * The data of the newest message of each key, as an object.
 *
 * @param key the name of a property of the data, or a function that returns the key. Browsers do not get the
 *   `key` that a message was published with, so it has to follow from the data or from the channel
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * export const orders = defineLive({ channel: "orders", reduce: newestByKey("id") });
 * ```
 */
export function newestByKey<Data = unknown>(
  // oxlint-disable-next-line typescript/no-explicit-any -- without `Data`, the channel decides
  key:
    | string
    | ((data: unknown extends Data ? any : Data, message: LiveMessage) => string | number),
  { removes, max = 1_000 }: NewestByKeyOptions<Data> = {},
): ReadyReducer<"byKey", Data> {
  assertCount(max, "max");
  const read =
    typeof key === "function" ? key : (data: Readonly<Record<string, unknown>>) => data[key];

  return Object.assign(
    // oxlint-disable-next-line typescript/no-explicit-any -- as above
    (value: Readonly<Record<string, unknown>>, data: any, message: LiveMessage) => {
      const name = read(data, message);
      if (typeof name !== "string" && typeof name !== "number") {
        throw new TypeError(`the key must be a string or a number, not ${typeof name}`);
      }
      // A computed property is the object's own, whatever its name.
      const next: Record<string, unknown> = { ...value, [name]: data };
      if (removes?.(data)) delete next[name];
      // Objects have names that are whole numbers first: the newest one may be among them.
      const keys = Object.keys(next);
      if (keys.length > max) {
        const others = keys.filter((other) => other !== String(name));
        for (const oldest of others.slice(0, keys.length - max)) delete next[oldest];
      }
      return next;
    },
    { initial: {} },
  );
}

/**
 * The last messages, oldest first, each with its `id`, `channel`, `event`, `data` and `time`.
 *
 * @param count how many. The channel's `history` should keep at least as many
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * export const chat = defineLive({ channel: "rooms/1", reduce: lastMessages(50) });
 * ```
 */
export function lastMessages<Data = unknown>(count: number): ReadyReducer<"last", Data> {
  assertCount(count, "count");
  return Object.assign(
    (value: readonly LiveEntry<unknown>[], data: unknown, message: LiveMessage) =>
      [...value, { ...message, data }].slice(-count),
    { initial: [] },
  );
}

/**
 * Sums over all messages: each counter adds what its function returns, and `true` counts as 1.
 *
 * The log has to keep every message that counts: a page or a server that starts later cannot count what the log
 * has dropped. For totals that must last, publish the total itself.
 *
 * @example
 * ```ts
 * export const sales = defineLive({
 *   channel: "orders",
 *   reduce: counters({ orders: () => 1, revenue: (order: Order) => order.total }),
 * });
 * ```
 */
export function counters<Names extends string>(
  // oxlint-disable-next-line typescript/no-explicit-any -- each function names its data
  counts: Readonly<Record<Names, (data: any, message: LiveMessage) => number | boolean>>,
): ReadyReducer<{ readonly counters: Names }> {
  const names = Object.keys(counts) as Names[];
  return Object.assign(
    (value: Readonly<Record<Names, number>>, data: unknown, message: LiveMessage) => {
      const next: Record<Names, number> = { ...value };
      for (const name of names) {
        const added = Number(counts[name](data, message));
        if (!Number.isFinite(added)) throw new TypeError(`counter "${name}" got ${added}`);
        next[name] += added;
      }
      return next;
    },
    { initial: Object.fromEntries(names.map((name) => [name, 0])) },
  );
}

function assertCount(count: number, name: string): void {
  if (count >= 1) return;
  throw new SseBusError("INVALID_OPTION", `\`${name}\` must be at least 1; got ${count}.`);
}
