import { SseBusError } from "./errors.ts";

/** The channel of `publish(data)` and `subscribe(listener)`. */
export const DEFAULT_CHANNEL = "default";

const CHANNEL = /^[A-Za-z0-9._~:/-]{1,200}$/;
/** Segments are `*` or consist of a channel's characters. The last segment may be `**`. */
const TOPIC = /^(?:(?:[\w.~:-]*|\*)\/)*(?:[\w.~:-]*|\*\*?)$/;

/** Whether `topic` is a channel or a valid pattern. The browser client uses the same check. */
export function isTopic(topic: unknown): boolean {
  return typeof topic === "string" && /^.{1,200}$/.test(topic) && TOPIC.test(topic);
}

/** Whether `topic` is a pattern, such as `orders/*` (one segment) or `orders/**` (any depth). */
export function isPattern(topic: string): boolean {
  return topic.includes("*");
}

/** @throws SseBusError `INVALID_CHANNEL` unless `name` is a valid channel. Patterns are not channels. */
export function assertChannel(name: unknown): asserts name is string {
  if (typeof name === "string" && CHANNEL.test(name)) return;
  const hint =
    typeof name === "string" && isPattern(name) ? " Patterns are for subscribing only." : "";
  throw invalid(name, `must be 1 to 200 of A-Z a-z 0-9 . _ ~ : / -.${hint}`);
}

/** @throws SseBusError `INVALID_CHANNEL` unless `topic` is a channel or a valid pattern. */
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
 * Whether `topic` covers `other`. Each of them is a channel or a pattern. A pattern is covered if all
 * channels that match it are covered: `orders/*` covers `orders/42` and itself, but not `orders/**`.
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
