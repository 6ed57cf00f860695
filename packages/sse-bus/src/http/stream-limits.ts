import { isPattern } from "../core/channel-name.ts";
import { clientKey } from "./client-key.ts";
import type { ConnectionRegistry } from "./connections.ts";
import type { Problem } from "./problem.ts";
import type { StreamSettings } from "./stream-options.ts";
import type { StreamRequest } from "./stream-request.ts";

/** A stream that is asked for. */
interface AskedStream extends StreamRequest {
  /** The client's address, where it is known. */
  readonly ip: string | undefined;
}

/** A limit that a request would pass, by the name of its option, and the refusal. */
interface LimitHit {
  readonly option: keyof StreamSettings;
  readonly problem: Problem;
}

/** The limit that a stream would pass, if so. */
export function findLimit(
  asked: AskedStream,
  settings: StreamSettings,
  connections: ConnectionRegistry,
): LimitHit | undefined {
  return findTopicLimit(asked.topics, settings) ?? findPlaceLimit(asked, settings, connections);
}

/** What is asked for is too much; the problem names the channels without which it would not be. */
function findTopicLimit(topics: readonly string[], settings: StreamSettings): LimitHit | undefined {
  const { maxChannels, maxPatterns, maxPatternDepth } = settings;
  const patterns = topics.filter(isPattern);
  const tooDeep = patterns.filter((pattern) => pattern.split("/").length > maxPatternDepth);
  if (tooDeep.length > 0) {
    const detail = `A pattern has at most ${maxPatternDepth} segments (\`maxPatternDepth\`): end it with \`**\`.`;
    return {
      option: "maxPatternDepth",
      problem: { status: 400, code: "PATTERN_TOO_DEEP", detail, channels: tooDeep },
    };
  }
  const code = "TOO_MANY_CHANNELS";
  if (patterns.length > maxPatterns) {
    const detail = `A stream has at most ${maxPatterns} patterns (\`maxPatterns\`), not ${patterns.length}: open several streams, or use a wider pattern.`;
    const channels = patterns.slice(maxPatterns);
    return { option: "maxPatterns", problem: { status: 400, code, detail, channels } };
  }
  if (topics.length > maxChannels) {
    const detail = `A stream has at most ${maxChannels} channels (\`maxChannels\`), not ${topics.length}: open several streams, or use a pattern.`;
    const channels = topics.slice(maxChannels);
    return { option: "maxChannels", problem: { status: 400, code, detail, channels } };
  }
  return undefined;
}

/** There is no place for one more stream. */
function findPlaceLimit(
  asked: AskedStream,
  { maxConnections, maxConnectionsPerClient, maxReplaysPerClient }: StreamSettings,
  { places, perClient, replays }: ConnectionRegistry,
): LimitHit | undefined {
  const code = "TOO_MANY_CONNECTIONS";
  if (places >= maxConnections) {
    const detail = `Stream limit reached: this server has ${places} open streams (\`maxConnections\`). Retry later.`;
    const headers = { "Retry-After": "1" };
    return { option: "maxConnections", problem: { status: 503, code, detail, headers } };
  }
  const client = clientKey(asked.ip);
  const waiting = client === undefined ? undefined : replays.get(client);
  if (isReplay(asked) && waiting !== undefined && waiting >= maxReplaysPerClient) {
    const detail = `This address waits for the history of ${waiting} patterns already (\`maxReplaysPerClient\`). Retry after 1 s.`;
    const headers = { "Retry-After": "1" };
    return { option: "maxReplaysPerClient", problem: { status: 429, code, detail, headers } };
  }
  const own = client === undefined ? undefined : perClient.get(client);
  if (own === undefined || own < maxConnectionsPerClient) return undefined;
  const detail = `Stream limit reached: this address has ${own} open streams (\`maxConnectionsPerClient\`). Close some, or share one among tabs.`;
  const headers = { "Retry-After": "10" };
  return { option: "maxConnectionsPerClient", problem: { status: 429, code, detail, headers } };
}

/** It may need all that is kept. */
export function isReplay({ topics, start }: StreamRequest): boolean {
  return start !== "now" && topics.some(isPattern);
}
