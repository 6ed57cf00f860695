import { assertTopic, DEFAULT_CHANNEL } from "../core/channel-name.ts";
import { SseBusError } from "../core/errors.ts";
import type { Start } from "../core/open-reader.ts";
import { parseCursor } from "../core/position.ts";
import { queryOf, type RequestHead } from "./request-head.ts";

/** What a stream request asks for. */
export interface StreamRequest {
  readonly topics: readonly string[];
  readonly start: Start;
}

/**
 * Reads channels and the starting point from a request.
 *
 * A bad cursor in the query is the caller's mistake and refused. One in `Last-Event-ID` is what a
 * browser was once given, maybe by another server: it cannot mend it, so it is told of a gap.
 *
 * @throws SseBusError `INVALID_CHANNEL`, `INVALID_CURSOR`
 */
export function readStreamRequest(request: RequestHead): StreamRequest {
  const query = queryOf(request);
  const named = query.getAll("channel");
  const topics = [...new Set(named.length > 0 ? named : [DEFAULT_CHANNEL])];
  for (const topic of topics) assertTopic(topic);
  const from = readFrom(query.get("from"));
  const lastEventId = request.headers.get("last-event-id");
  return { topics, start: lastEventId ? { cursor: lastEventId } : from };
}

/** Whether the client takes an event stream (RFC 9110 §12.5.1); no `Accept` means anything. */
export function acceptsEventStream(request: RequestHead): boolean {
  const accept = request.headers.get("accept");
  if (accept === null || accept === "text/event-stream" || accept.trim() === "") return true;
  let best: { rank: number; isWanted: boolean } = { rank: 0, isWanted: false };
  for (const part of accept.split(",")) {
    const [type = "", ...parameters] = part.split(";").map((text) => text.trim().toLowerCase());
    const rank = ["*/*", "text/*", "text/event-stream"].indexOf(type) + 1;
    const quality = parameters.find((text) => text.startsWith("q="))?.slice(2);
    // The most specific range decides, wherever it stands.
    if (rank > best.rank) best = { rank, isWanted: quality === undefined || Number(quality) > 0 };
  }
  return best.isWanted;
}

function readFrom(from: string | null): Start {
  if (from === null || from === "") return "now";
  if (from === "latest" || from === "earliest") return from;
  if (parseCursor(from)) return { cursor: from };
  throw new SseBusError(
    "INVALID_CURSOR",
    "`from` must be `latest`, `earliest`, a message's id or a cursor from bus.cursor().",
  );
}
