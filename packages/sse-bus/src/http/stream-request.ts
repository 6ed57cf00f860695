import { assertTopic, DEFAULT_CHANNEL } from "../core/channel-name.ts";
import { SseBusError } from "../core/errors.ts";
import type { Start } from "../core/open-reader.ts";
import { parseCursor } from "../core/position.ts";
import { Refusal, toRefusal } from "./refusal.ts";
import { queryOf, type RequestHead } from "./request-head.ts";

/** What a request for a stream asks for. */
export interface StreamRequest {
  readonly topics: readonly string[];
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
  const topics = [...new Set(named.length > 0 ? named : [DEFAULT_CHANNEL])];
  assertTopics(topics);
  const from = readFrom(query.get("from"));
  const lastEventId = lastEventIdOf(request, query);
  return { topics, start: lastEventId === undefined ? from : { cursor: lastEventId } };
}

function assertTopics(topics: readonly string[]): void {
  let first: unknown;
  const channels = topics.filter((topic) => {
    try {
      assertTopic(topic);
      return false;
    } catch (error) {
      first ??= error;
      return true;
    }
  });
  if (first !== undefined) throw new Refusal({ ...toRefusal(first).problem, channels });
}

/** The cursor to resume from: the header, or what a polyfill that cannot send headers puts in the query. */
export function lastEventIdOf(
  request: RequestHead,
  query: URLSearchParams = queryOf(request),
): string | undefined {
  const sent = [
    request.headers.get("last-event-id"),
    ...QUERY_NAMES.map((name) => query.get(name)),
  ];
  return sent.find((id) => id !== null && id !== "") ?? undefined;
}

/** The spellings of `EventSource` polyfills for old browsers, and of Mercure. */
const QUERY_NAMES = ["lastEventId", "lastEventID", "Last-Event-ID"];

/** Whether the client accepts an event stream and nothing else, as a native `EventSource` does. */
export function acceptsOnlyEventStream({ headers }: RequestHead): boolean {
  const types = headers.get("accept")?.split(",") ?? [];
  return (
    types.length > 0 &&
    types.every((range) => range.split(";")[0]?.trim().toLowerCase() === "text/event-stream")
  );
}

/** Whether `Accept` names event streams. Programs need not; elements of a page, such as `<img>`, never do. */
export function namesEventStream({ headers }: RequestHead): boolean {
  return headers.get("accept")?.toLowerCase().includes("text/event-stream") ?? false;
}

/**
 * Whether the client accepts an event stream (RFC 9110 §12.5.1). Without `Accept` it accepts anything. A list that
 * names images, styles, fonts or media belongs to an element of a page, and accepts no stream by its wildcard.
 */
export function acceptsEventStream(request: RequestHead): boolean {
  const accept = request.headers.get("accept");
  if (accept === null || accept === "text/event-stream" || accept.trim() === "") return true;
  let best: { rank: number; isWanted: boolean } = { rank: 0, isWanted: false };
  for (const part of accept.split(",")) {
    const [type = "", ...parameters] = part.split(";").map((text) => text.trim().toLowerCase());
    const rank = ["*/*", "text/*", "text/event-stream"].indexOf(type) + 1;
    const quality = parameters.find((text) => text.startsWith("q="))?.slice(2);
    // The most specific range decides, at whatever place in the list.
    if (rank > best.rank) best = { rank, isWanted: quality === undefined || Number(quality) > 0 };
  }
  return best.isWanted && !(best.rank === 1 && isOfElement(accept));
}

/** Whether this is the `Accept` of an `<img>`, a `<link>` or the like. That of a typed address names images, too. */
function isOfElement(accept: string): boolean {
  return ELEMENT_TYPES.test(accept) && !/text\/html/i.test(accept);
}

const ELEMENT_TYPES = /(?:audio|font|image|video)\/|text\/css/i;

function readFrom(from: string | null): Start {
  if (from === null || from === "") return "now";
  if (from === "latest" || from === "earliest") return from;
  if (parseCursor(from)) return { cursor: from };
  throw new SseBusError(
    "INVALID_CURSOR",
    "`from` must be `latest`, `earliest`, a message's id or a cursor from bus.cursor().",
  );
}
