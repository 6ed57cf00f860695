import { isPattern } from "../core/channel-name.ts";
import { clientKey } from "./client-key.ts";
import type { Identity } from "./authorize.ts";
import type { ConnectionRegistry } from "./connections.ts";
import type { Problem } from "./problem.ts";
import { Refusal } from "./refusal.ts";
import type { StreamSettings } from "./stream-options.ts";
import type { StreamRequest } from "./stream-request.ts";

interface RequestedStream extends StreamRequest {
  /** The client's address, where it is known. */
  readonly ip: string | undefined;
}

/** @throws Refusal with the limit that the stream would exceed */
export function checkLimits(
  requested: RequestedStream,
  settings: StreamSettings,
  connections: ConnectionRegistry,
): void {
  checkTopics(requested.topics, settings);
  checkPlaces(requested, settings, connections);
}

/**
 * Whether an identity may have one more stream. Call it in the turn that opens the stream: otherwise several
 * requests could pass while each of them sees the last free place.
 *
 * @throws Refusal
 */
export function checkIdentity(
  { id }: Identity,
  { maxConnectionsPerIdentity }: StreamSettings,
  { perIdentity }: ConnectionRegistry,
): void {
  const open = perIdentity.get(id) ?? 0;
  if (open < maxConnectionsPerIdentity) return;
  // The id is not repeated: it may be one that the client itself must not see.
  const detail = `Stream limit reached: this identity has ${open} open streams (\`maxConnectionsPerIdentity\`). Close some, or share one among tabs.`;
  const headers = { "Retry-After": "10" };
  refuse("maxConnectionsPerIdentity", {
    status: 429,
    code: "TOO_MANY_CONNECTIONS",
    detail,
    headers,
  });
}

/** Each problem names the channels without which the request would be accepted. */
function checkTopics(topics: readonly string[], settings: StreamSettings): void {
  const { maxChannels, maxPatterns, maxPatternDepth } = settings;
  const patterns = topics.filter(isPattern);
  const tooDeep = patterns.filter((pattern) => pattern.split("/").length > maxPatternDepth);
  if (tooDeep.length > 0) {
    const detail = `A pattern has at most ${maxPatternDepth} segments (\`maxPatternDepth\`): end it with \`**\`.`;
    refuse("maxPatternDepth", { status: 400, code: "PATTERN_TOO_DEEP", detail, channels: tooDeep });
  }
  const code = "TOO_MANY_CHANNELS";
  if (patterns.length > maxPatterns) {
    const detail = `A stream has at most ${maxPatterns} patterns (\`maxPatterns\`), not ${patterns.length}: open several streams, or use a wider pattern.`;
    refuse("maxPatterns", { status: 400, code, detail, channels: patterns.slice(maxPatterns) });
  }
  if (topics.length > maxChannels) {
    const detail = `A stream has at most ${maxChannels} channels (\`maxChannels\`), not ${topics.length}: open several streams, or use a pattern.`;
    refuse("maxChannels", { status: 400, code, detail, channels: topics.slice(maxChannels) });
  }
}

/** Whether there is a place for one more stream, on this server and for this client. */
function checkPlaces(
  requested: RequestedStream,
  { maxConnections, maxConnectionsPerClient, maxReplaysPerClient }: StreamSettings,
  { places, perClient, replays }: ConnectionRegistry,
): void {
  const code = "TOO_MANY_CONNECTIONS";
  if (places >= maxConnections) {
    const detail = `Stream limit reached: this server has ${places} open streams (\`maxConnections\`). Retry later.`;
    refuse("maxConnections", { status: 503, code, detail, headers: { "Retry-After": "1" } });
  }
  const client = clientKey(requested.ip);
  if (client === undefined) return;
  const waiting = replays.get(client) ?? 0;
  if (isReplay(requested) && waiting >= maxReplaysPerClient) {
    const detail = `This address waits for the history of ${waiting} patterns already (\`maxReplaysPerClient\`). Retry after 1 s.`;
    refuse("maxReplaysPerClient", { status: 429, code, detail, headers: { "Retry-After": "1" } });
  }
  const open = perClient.get(client) ?? 0;
  if (open >= maxConnectionsPerClient) {
    const detail = `Stream limit reached: this address has ${open} open streams (\`maxConnectionsPerClient\`). Close some, or share one among tabs.`;
    const headers = { "Retry-After": "10" };
    refuse("maxConnectionsPerClient", { status: 429, code, detail, headers });
  }
}

function refuse(limit: keyof StreamSettings, problem: Problem): never {
  throw new Refusal(problem, { limit });
}

/** Whether a request starts patterns in the past, and so may need everything that history keeps. */
export function isReplay({ topics, start }: StreamRequest): boolean {
  return start !== "now" && topics.some(isPattern);
}
