/**
 * What one instance adds to the presence of a channel: one member that has streams there. Each instance
 * publishes only its own contributions; the members of a channel are the union of them.
 */
export interface Contribution {
  /** The instance. */
  readonly i: string;
  /** The member: the `id` of an identity. */
  readonly id: string;
  /** The member's streams on this instance. */
  readonly n: number;
  /** The `info` of its identity. */
  readonly info?: unknown;
  /** What the client has set. */
  readonly state?: unknown;
  /** When `state` was set, or else when the member joined, in ms since 1970. The newest one counts. */
  readonly at: number;
}

/** The data of a `presence` event that instances publish on `~presence/<channel>`. */
export type PresenceEvent =
  | ({ readonly type: "join" | "update" } & Contribution)
  | { readonly type: "leave"; readonly i: string; readonly id: string }
  /** The instance has ended, and all its contributions with it. */
  | { readonly type: "gone"; readonly i: string };

/**
 * The data of a `presence` event that a stream begins with: what all instances contribute. It has no id,
 * because it is not in the log. A large set has several parts.
 */
export interface MembersEvent {
  readonly type: "members";
  readonly channel: string;
  /** The cursor at which it is valid: presence events up to here are part of it. */
  readonly at: string;
  readonly members: readonly Contribution[];
  /** From 1 to `of`. */
  readonly part: number;
  readonly of: number;
}

/** The reserved channel with the presence events of a channel. */
export function presenceChannel(channel: string): string {
  return `${PREFIX}${channel}`;
}

const PREFIX = "~presence/";

/** The name of the event, which applications cannot publish. */
export const PRESENCE_EVENT = "presence";

/** Characters of `info`, or of `state`, as JSON: 1 KiB, of which each byte may be escaped as six. */
const MAX_JSON_LENGTH = 6 * 1024;
const MAX_STREAMS = 1_000_000;
const INSTANCE = /^[0-9a-z]{1,40}$/;

/** Reads what another instance has published. `undefined` for anything else. */
export function readPresenceEvent(data: unknown): PresenceEvent | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const { type, i, id } = data as Record<string, unknown>;
  if (!isInstance(i)) return undefined;
  if (type === "gone") return { type, i };
  if (type === "leave") return isMemberId(id) ? { type, i, id } : undefined;
  if (type !== "join" && type !== "update") return undefined;
  const contribution = readContribution(data);
  return contribution && { type, ...contribution };
}

/** Reads a contribution, with known fields only. `undefined` for anything else. */
export function readContribution(data: unknown): Contribution | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const { i, id, n, info, state, at } = data as Record<string, unknown>;
  if (!isInstance(i) || !isMemberId(id) || !isTime(at)) return undefined;
  if (!Number.isSafeInteger(n) || (n as number) < 1 || (n as number) > MAX_STREAMS)
    return undefined;
  if (!isSmall(info) || !isSmall(state)) return undefined;
  return {
    i,
    id,
    n: n as number,
    ...(info !== undefined && { info }),
    ...(state !== undefined && { state }),
    at,
  };
}

/** Whether a value from the log names an instance. */
export function isInstance(value: unknown): value is string {
  return typeof value === "string" && INSTANCE.test(value);
}

function isMemberId(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= 200;
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isSmall(value: unknown): boolean {
  return value === undefined || JSON.stringify(value).length <= MAX_JSON_LENGTH;
}
