import { topicCovers } from "../core/channel-name.ts";
import { presenceChannel } from "../core/presence/contribution.ts";
import { hasPresence, type PresenceSettings } from "./presence-options.ts";
import { Refusal } from "./refusal.ts";
import type { StreamRequest } from "./stream-request.ts";

/** What `authorize` allowed of a request. */
export interface GrantedTopics {
  readonly topics: readonly string[];
  /** The channels whose presence is delivered. */
  readonly follows: readonly string[];
}

/**
 * Everything that a stream would read, under the names that a problem document uses.
 *
 * @throws Refusal `PRESENCE_OFF`, naming the channels without presence
 */
export function requestedTopics(
  { topics, presence }: StreamRequest,
  settings: PresenceSettings | undefined,
): readonly string[] {
  if (presence.length === 0) return topics;
  const off = presence.filter((channel) => !settings || !hasPresence(settings, channel));
  if (off.length === 0) return [...topics, ...presence.map(presenceChannel)];
  throw new Refusal({
    status: 403,
    code: "PRESENCE_OFF",
    detail: `This route has no presence of ${off.slice(0, 10).join(", ")}: set its option \`presence\`, or add the channels to \`presence.channels\`.`,
    channels: off.map(presenceChannel),
  });
}

/** The channels that `authorize` is asked for: who may see the members of a channel is who may read it. */
export function channelsToAuthorize({ topics, presence }: StreamRequest): readonly string[] {
  return presence.length === 0 ? topics : [...new Set([...topics, ...presence])];
}

/** Divides what was granted into messages and presence. */
export function divideGrant(
  granted: readonly string[],
  { topics, presence }: StreamRequest,
): GrantedTopics {
  if (presence.length === 0) return { topics: granted, follows: presence };
  const isCovered = (by: readonly string[]) => (name: string) =>
    by.some((topic) => topicCovers(topic, name));
  return {
    topics: granted.filter(isCovered(topics)),
    follows: presence.filter(isCovered(granted)),
  };
}

/** A refusal that names channels, as the client has requested them: it asks again without them. */
export function nameRequested(error: unknown, { topics, presence }: StreamRequest): unknown {
  if (presence.length === 0 || !(error instanceof Refusal) || !error.problem.channels) return error;
  const refused = new Set(error.problem.channels);
  const channels = [
    ...topics.filter((topic) => refused.has(topic)),
    ...presence.filter((channel) => refused.has(channel)).map(presenceChannel),
  ];
  return new Refusal({ ...error.problem, channels });
}
