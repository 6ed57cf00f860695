import { assertTopic, topicCovers } from "../core/channel-name.ts";
import { SseBusError } from "../core/errors.ts";
import type { HistoryResolver } from "../core/history.ts";
import type { LogMessage } from "../core/message.ts";

/** Who may read the channels of a route. */
interface Access {
  readonly public?: boolean | readonly string[];
  readonly authorize?: unknown;
}

/** The channels that everybody may read; see `StreamOptions.public`. */
export type PublicChannels = readonly string[];

/** @throws SseBusError `INVALID_OPTION` */
export function readPublic({ public: option = false, authorize }: Access): PublicChannels {
  if (option === false) return [];
  if (option === true) {
    if (!authorize) return EVERYTHING;
    throw new SseBusError(
      "INVALID_OPTION",
      "`public: true` contradicts `authorize`: caches would answer instead of it. List the channels that everybody may read.",
    );
  }
  if (!Array.isArray(option)) {
    throw new SseBusError("INVALID_OPTION", "`public` must be true, false, or a list of channels.");
  }
  for (const topic of option as readonly unknown[]) assertTopic(topic);
  return option as PublicChannels;
}

const EVERYTHING: PublicChannels = ["**"];

/** Whether everybody may read all of these channels and patterns. */
export function arePublic(topics: readonly string[], channels: PublicChannels): boolean {
  return topics.every((topic) => channels.some((each) => topicCovers(each, topic)));
}

/** A year: caches use no longer time (RFC 9111 §1.2.2 has 2³¹ s as the greatest). */
const MAX_AGE_S = 31_536_000;

/** How long a cache may keep messages, in s: no longer than the log does, by its age. */
export function maxAgeOf(
  messages: readonly LogMessage[],
  history: HistoryResolver,
  now: number,
): number {
  let left = MAX_AGE_S;
  for (const { channel, time } of messages) {
    left = Math.min(left, (time + history(channel).maxAgeMs - now) / 1000);
  }
  return Math.max(0, Math.floor(left));
}
