import { isTopic } from "../channel-name.ts";
import { isInstanceId } from "./instance-id.ts";

/** A singleton's name, and the fencing number of a hold on it. */
export type Hold = readonly [name: string, fence: number];

/**
 * What an instance publishes a few times per lease, and when it changes: that it is alive, and what the
 * other instances need to know of it.
 */
export interface LeaseMessage {
  /** The instance. */
  readonly i: string;
  /** Counts the messages of this instance: one that arrives after a newer one is ignored. */
  readonly n: number;
  /** The instance counts as gone when the log's time is this much later. */
  readonly leaseMs: number;
  /** What it wants to know the demand of; see `demand.ts`. */
  readonly watch: readonly string[];
  /** What it has readers for, of all that any instance watches. */
  readonly demand: readonly string[];
  /** The singletons that it runs. */
  readonly hold: readonly Hold[];
  /** The singletons that it wants to run. */
  readonly claim: readonly Hold[];
}

/** Topics, or holds, in one list. A message with four full ones is within the limit of reserved channels. */
export const MAX_LISTED = 256;
const MIN_LEASE_MS = 10;
const MAX_LEASE_MS = 3_600_000;

/** A lease message from the log; undefined if it is none. */
export function readLeaseMessage(data: unknown): LeaseMessage | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const given = data as Partial<LeaseMessage>;
  const { i, n, leaseMs, watch = [], demand = [], hold = [], claim = [] } = given;
  const isValid =
    isInstanceId(i) &&
    isCount(n) &&
    isCount(leaseMs) &&
    leaseMs >= MIN_LEASE_MS &&
    leaseMs <= MAX_LEASE_MS &&
    isListOf(watch, isWatched) &&
    isListOf(demand, isWatched) &&
    isListOf(hold, isHold) &&
    isListOf(claim, isHold);
  return isValid ? { i, n, leaseMs, watch, demand, hold, claim } : undefined;
}

/** The instance that an `end` message is about; undefined if it is no such message. */
export function readEndMessage(data: unknown): string | undefined {
  const { i } = (typeof data === "object" && data !== null ? data : {}) as { i?: unknown };
  return isInstanceId(i) ? i : undefined;
}

/** A topic whose demand is watched. `+` before it counts subscribers on servers, too. */
export function watchedTopic(topic: string, countSubscribers: boolean): string {
  return countSubscribers ? `+${topic}` : topic;
}

/** The opposite of {@link watchedTopic}. */
export function parseWatched(watched: string): { topic: string; countSubscribers: boolean } {
  const countSubscribers = watched.startsWith("+");
  return { topic: countSubscribers ? watched.slice(1) : watched, countSubscribers };
}

function isWatched(value: unknown): value is string {
  return typeof value === "string" && isTopic(parseWatched(value).topic);
}

function isHold(value: unknown): value is Hold {
  return Array.isArray(value) && value.length === 2 && isTopic(value[0]) && isCount(value[1]);
}

function isListOf<T>(value: unknown, isItem: (item: unknown) => item is T): value is T[] {
  return Array.isArray(value) && value.length <= MAX_LISTED && value.every(isItem);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
