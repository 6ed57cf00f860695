import { assertChannel, assertTopic, DEFAULT_CHANNEL } from "../core/channel-name.ts";
import { SseBusError } from "../core/errors.ts";
import type { Start } from "../core/open-reader.ts";
import { parseCursor } from "../core/position.ts";
import { presenceChannel } from "../core/presence/contribution.ts";
import { Refusal, toRefusal } from "./refusal.ts";
import { queryOf, type RequestHead } from "./request-head.ts";

/** What a request for a stream asks for. */
export interface StreamRequest {
  readonly topics: readonly string[];
  /** The channels whose presence it asks for. */
  readonly presence: readonly string[];
  readonly start: Start;
}

/**
 * Reads channels and the starting point from a request.
 *
 * A bad cursor in the query is the caller's mistake, and refused. One in `Last-Event-ID` is what a browser
 * received earlier, maybe from another server: it cannot correct it, so the stream opens with a gap.
 *
 * @throws SseBusError `INVALID_CURSOR`
 * @throws Refusal `INVALID_CHANNEL`, naming the invalid ones
 */
export function readStreamRequest(request: RequestHead): StreamRequest {
  const query = queryOf(request);
  const named = query.getAll("channel");
  const presence = query.has("presence") ? [...new Set(query.getAll("presence"))] : NO_CHANNELS;
  const isDefault = named.length === 0 && presence.length === 0;
  const topics = [...new Set(isDefault ? [DEFAULT_CHANNEL] : named)];
  assertTopics(topics);
  if (presence.length > 0) assertPresence(presence);
  const from = readFrom(query.get("from"));
  const lastEventId = lastEventIdOf(request, query);
  const start = lastEventId === undefined ? from : { cursor: lastEventId };
  return { topics, presence, start };
}

const NO_CHANNELS: readonly string[] = [];

function assertTopics(topics: readonly string[]): void {
  const { invalid, first } = findInvalid(topics, assertTopic);
  if (invalid.length > 0) throw new Refusal({ ...toRefusal(first).problem, channels: invalid });
}

/** Presence is that of a channel, not of a pattern. */
function assertPresence(channels: readonly string[]): void {
  const { invalid, first } = findInvalid(channels, assertChannel);
  if (invalid.length === 0) return;
  throw new Refusal({ ...toRefusal(first).problem, channels: invalid.map(presenceChannel) });
}

function findInvalid(
  names: readonly string[],
  assert: (name: string) => void,
): { readonly invalid: readonly string[]; readonly first: unknown } {
  let first: unknown;
  const invalid = names.filter((name) => {
    try {
      assert(name);
      return false;
    } catch (error) {
      first ??= error;
      return true;
    }
  });
  return { invalid, first };
}

/** The cursor to resume from: the header, or what a polyfill that cannot send headers puts in the query. */
export function lastEventIdOf(
  request: RequestHead,
  query: URLSearchParams = queryOf(request),
): string | undefined {
  const sent = request.headers.get("last-event-id");
  if (sent) return sent;
  const name = QUERY_NAMES.find((each) => query.get(each));
  return name === undefined ? undefined : (query.get(name) ?? undefined);
}

/** The spellings of `EventSource` polyfills for old browsers, and of Mercure. */
const QUERY_NAMES = ["lastEventId", "lastEventID", "Last-Event-ID"];

function readFrom(from: string | null): Start {
  if (from === null || from === "") return "now";
  if (from === "latest" || from === "earliest") return from;
  if (parseCursor(from)) return { cursor: from };
  throw new SseBusError(
    "INVALID_CURSOR",
    "`from` must be `latest`, `earliest`, a message's id or a cursor from bus.cursor().",
  );
}
