import { SseBusError } from "./errors.ts";

/** The channel of `publish(data)` and `subscribe(listener)`. */
export const DEFAULT_CHANNEL = "default";

/** The reserved channel on which the instances of a bus talk to each other. */
export const CONTROL_CHANNEL = "~control";

/** The reserved channel that says which instance runs which task. */
export const TASKS_CHANNEL = "~tasks";

const CHANNEL = /^[A-Za-z0-9._~:/-]{1,200}$/;
/** Long enough for a prefix and a channel's name. */
const RESERVED = /^~[A-Za-z0-9._~:/-]{1,219}$/;
/**
 * 1 to 200 characters, the first one not `~`. Segments are `*` or consist of a channel's characters. The last
 * segment may be `**`.
 */
const TOPIC = /^(?!~)(?=.{1,200}$)(?:(?:[\w.~:-]*|\*)\/)*(?:[\w.~:-]*|\*\*?)$/;

/** Whether `topic` is a channel or a valid pattern. The browser client uses the same check. */
export function isTopic(topic: unknown): boolean {
  return typeof topic === "string" && TOPIC.test(topic);
}

/**
 * Whether a name begins with `~`. Such channels carry the bus's own messages: no pattern covers them, and
 * nothing outside of the bus can publish or subscribe to them.
 */
export function isReserved(name: string): boolean {
  return name.startsWith("~");
}

/** Whether a log may contain messages of this channel: a valid channel, or a reserved one. */
export function isStoredChannel(name: unknown): name is string {
  return typeof name === "string" && (isReserved(name) ? RESERVED : CHANNEL).test(name);
}

/** Whether `topic` is a pattern, such as `orders/*` (one segment) or `orders/**` (any depth). */
export function isPattern(topic: string): boolean {
  return topic.includes("*");
}

/** @throws SseBusError `INVALID_CHANNEL` unless `name` is a valid channel. Patterns are not channels. */
export function assertChannel(name: unknown): asserts name is string {
  if (isStoredChannel(name) && !isReserved(name)) return;
  assertNotReserved(name);
  const hint =
    typeof name === "string" && isPattern(name) ? " Patterns are for subscribing only." : "";
  throw invalid(name, `must be 1 to 200 of A-Z a-z 0-9 . _ ~ : / -.${hint}`);
}

/** @throws SseBusError `INVALID_CHANNEL` unless `topic` is a channel or a valid pattern. */
export function assertTopic(topic: unknown): asserts topic is string {
  if (isTopic(topic)) return;
  assertNotReserved(topic);
  throw invalid(
    topic,
    typeof topic === "string" && isPattern(topic)
      ? "may have `*` only as a whole segment, and `**` only as the last one."
      : "must be 1 to 200 of A-Z a-z 0-9 . _ ~ : / -, or a pattern of these.",
  );
}

/**
 * Whether `topic` covers `other`. Each of them is a channel or a pattern. A pattern is covered if all
 * channels that match it are covered: `orders/*` covers `orders/42` and itself, but not `orders/**`. No
 * pattern covers a reserved channel.
 */
export function topicCovers(topic: string, other: string): boolean {
  if (!isPattern(topic)) return topic === other;
  if (isReserved(other)) return false;
  const wanted = topic.split("/");
  const actual = other.split("/");
  for (const [index, segment] of wanted.entries()) {
    if (segment === "**") return actual.length > index;
    if (index >= actual.length || actual[index] === "**") return false;
    if (segment !== "*" && segment !== actual[index]) return false;
  }
  return actual.length === wanted.length;
}

function assertNotReserved(name: unknown): void {
  if (typeof name !== "string" || !isReserved(name)) return;
  throw invalid(name, "is reserved: names that begin with ~ belong to the bus. Use another name.");
}

function invalid(name: unknown, rule: string): SseBusError {
  const shown = typeof name === "string" ? JSON.stringify(name.slice(0, 80)) : typeof name;
  return new SseBusError("INVALID_CHANNEL", `Channel ${shown} ${rule}`);
}
