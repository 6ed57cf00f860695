import { acceptsOnlyEventStream } from "./accept.ts";
import type { ByeReason } from "./connections.ts";
import { parseCursor, UNKNOWN_CURSOR } from "../core/position.ts";
import type { HttpAnswer } from "./answer.ts";
import { type Problem, problemAnswer } from "./problem.ts";
import type { RequestHead } from "./request-head.ts";
import { formatBye } from "./stream-blocks.ts";
import { streamHeaders } from "./stream-headers.ts";
import type { StreamSettings } from "./stream-options.ts";
import { lastEventIdOf } from "./stream-request.ts";

/** A refused request for a stream, and what its answer depends on. */
export interface RefusedStream {
  readonly head: RequestHead;
  readonly problem: Problem;
  readonly settings: StreamSettings;
}

/**
 * The answer to a refused request for a stream: a problem document as a rule.
 *
 * A native `EventSource` gives up forever on any status but 200 (HTML standard §9.2.3). It is recognised by
 * `Accept: text/event-stream` alone. If the reason is temporary, it gets a stream of one event, `bye`, so that
 * it reconnects by itself; `retry:` spreads the reconnects.
 */
export function refuseStream({ head, problem, settings }: RefusedStream): HttpAnswer {
  const { status, code } = problem;
  const isTemporary = status === 429 || status === 503;
  if (!isTemporary || head.method !== "GET" || !acceptsOnlyEventStream(head)) {
    return problemAnswer(problem);
  }
  const { "Retry-After": after, ...headers } = problem.headers ?? {};
  const reason = REASONS[code] ?? (status === 429 ? "limit" : "unavailable");
  const leastMs = Math.max(
    MIN_RETRY_MS,
    settings.retryMs,
    Number(after ?? 0) * 1000,
    reason === "drain" ? settings.drainRetryMs : 0,
  );
  const retryMs = Math.round(leastMs * (1 + Math.random() / 2));
  const bye = { reason, retryMs, code };
  return {
    status: 200,
    // A cached answer would refuse for longer than the reason lasts.
    headers: { ...streamHeaders({ isPrivate: true }), ...headers },
    body: formatBye(bye, { id: echoedId(head) }),
  };
}

/** Refused clients all reconnect, but not sooner than this. */
const MIN_RETRY_MS = 2000;

const REASONS: Partial<Record<Problem["code"], ByeReason>> = {
  BUS_CLOSED: "drain",
  DRAINING: "drain",
  TOO_MANY_CONNECTIONS: "limit",
};

/**
 * The cursor of the request, repeated. By the HTML standard (§9.2.6) an event without an id on a new stream
 * clears the client's last event id; it would then resume from now, and lose messages.
 */
function echoedId(head: RequestHead): string | undefined {
  const id = lastEventIdOf(head);
  if (id === undefined) return undefined;
  return parseCursor(id) ? id : UNKNOWN_CURSOR;
}
