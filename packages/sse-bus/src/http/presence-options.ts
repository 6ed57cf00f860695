import { isPattern, assertTopic, topicCovers } from "../core/channel-name.ts";
import { SseBusError } from "../core/errors.ts";
import { assertCount } from "../core/history.ts";
import { DEFAULT_GRACE_MS } from "../core/presence/presence.ts";
import { MAX_TIMER_MS } from "../core/timers.ts";

/** Presence on a stream route. */
export interface PresenceOptions {
  /**
   * How long a client stays a member after its last stream on a channel has ended: longer than a reload or
   * a reconnect takes.
   * @default 5000
   */
  readonly graceMs?: number;
  /** The channels that have presence, by name or pattern. @default all channels */
  readonly channels?: readonly string[];
}

/** {@link PresenceOptions} with every default filled in. */
export interface PresenceSettings {
  readonly graceMs: number;
  readonly channels: readonly string[] | undefined;
}

/** @throws SseBusError `INVALID_OPTION`, `INVALID_CHANNEL` */
export function readPresenceOptions(
  options: boolean | PresenceOptions | undefined,
): PresenceSettings | undefined {
  if (options === undefined || options === false) return undefined;
  if (options === true) return { graceMs: DEFAULT_GRACE_MS, channels: undefined };
  if (typeof options !== "object" || options === null) {
    const message = "`presence` must be true, false or an object with `graceMs` and `channels`.";
    throw new SseBusError("INVALID_OPTION", message);
  }
  const { graceMs = DEFAULT_GRACE_MS, channels } = options;
  assertCount(graceMs, "presence.graceMs", 0);
  for (const topic of channels ?? []) assertTopic(topic);
  return { graceMs: Math.min(graceMs, MAX_TIMER_MS), channels };
}

/** Whether a channel has presence. A pattern has none: presence is that of one channel. */
export function hasPresence({ channels }: PresenceSettings, channel: string): boolean {
  if (isPattern(channel)) return false;
  return channels === undefined || channels.some((topic) => topicCovers(topic, channel));
}
