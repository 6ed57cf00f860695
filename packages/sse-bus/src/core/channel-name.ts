import { SseBusError } from "./errors.ts";

/** The channel that `publish(data)` and `subscribe(listener)` mean. */
export const DEFAULT_CHANNEL = "default";

const CHANNEL = /^[A-Za-z0-9._~:/-]{1,200}$/;
/** Segments of a channel's characters, or `*`; the last one may be `**`. */
const TOPIC = /^(?:(?:[\w.~:-]*|\*)\/)*(?:[\w.~:-]*|\*\*?)$/;

/** Whether `topic` is a channel or a well-formed pattern. The browser's client asks the same. */
export function isTopic(topic: unknown): boolean {
  return typeof topic === "string" && /^.{1,200}$/.test(topic) && TOPIC.test(topic);
}

/** Whether a subscription names many channels: `orders/*` (one segment) or `orders/**` (any depth). */
export function isPattern(topic: string): boolean {
  return topic.includes("*");
}

/** @throws SseBusError `INVALID_CHANNEL` unless `name` is a channel that one can publish to. */
export function assertChannel(name: unknown): asserts name is string {
  if (typeof name === "string" && CHANNEL.test(name)) return;
  const hint =
    typeof name === "string" && isPattern(name) ? " Patterns are for subscribing only." : "";
  throw invalid(name, `must be 1 to 200 of A-Z a-z 0-9 . _ ~ : / -.${hint}`);
}

/** @throws SseBusError `INVALID_CHANNEL` unless `topic` is a channel or a well-formed pattern. */
export function assertTopic(topic: unknown): asserts topic is string {
  if (isTopic(topic)) return;
  throw invalid(
    topic,
    typeof topic === "string" && isPattern(topic)
      ? "may have `*` only as a whole segment, and `**` only as the last one."
      : "must be 1 to 200 of A-Z a-z 0-9 . _ ~ : / -, or a pattern of these.",
  );
}

/**
 * Whether `topic` (a channel or a pattern) covers `other`: that channel, or whatever that pattern
 * covers. `orders/*` covers `orders/42` and itself, never `orders/**`.
 */
export function topicCovers(topic: string, other: string): boolean {
  if (!isPattern(topic)) return topic === other;
  const wanted = topic.split("/");
  const actual = other.split("/");
  for (const [index, segment] of wanted.entries()) {
    if (segment === "**") return actual.length > index;
    if (index >= actual.length || actual[index] === "**") return false;
    if (segment !== "*" && segment !== actual[index]) return false;
  }
  return actual.length === wanted.length;
}

function invalid(name: unknown, rule: string): SseBusError {
  const shown = typeof name === "string" ? JSON.stringify(name.slice(0, 80)) : typeof name;
  return new SseBusError("INVALID_CHANNEL", `Channel ${shown} ${rule}`);
}
