import type { Start } from "../core/open-reader.ts";
import type { AuthorizeContext } from "./authorize.ts";
import type { ByteSink, SinkOwner } from "./byte-sink.ts";
import { freePlace, takePlace, takeReplay } from "./connections.ts";
import { corsHeaders, isEmbeddedElsewhere } from "./cors.ts";
import { checkHost } from "./host.ts";
import { renewPermission, requirePermission } from "./permission.ts";
import type { Problem } from "./problem.ts";
import { createPulse } from "./pulse.ts";
import type { Permission } from "./read-grant.ts";
import { countRefusal, Refusal, toRefusal } from "./refusal.ts";
import { refuseStream } from "./refuse-stream.ts";
import type { RequestHead } from "./request-head.ts";
import type { RouteContext } from "./route-context.ts";
import {
  createStreamConnection,
  type StreamConnection,
  type StreamRoute,
} from "./stream-connection.ts";
import { streamHeaders } from "./stream-headers.ts";
import { checkLimits, isReplay } from "./stream-limits.ts";
import type { StreamSettings } from "./stream-options.ts";
import { acceptsEventStream, readStreamRequest, type StreamRequest } from "./stream-request.ts";

/** A request for the stream, as its host sees it. */
export interface StreamCall {
  readonly head: RequestHead;
  /** The client's address, where it is known. */
  readonly ip: string | undefined;
  /** The request for `authorize`, the same one each time; made only when there is one. */
  request(): Request;
  /** Called once, when the request is neither refused nor a HEAD. */
  openSink(owner: SinkOwner, headers: StreamHeaders): ByteSink;
  /** Whether the client disconnected while the stream was being opened. */
  isGone(): boolean;
}

/** How a host answers a call: with a stream that has been opened, with its head only, or with a refusal. */
export type StreamAnswer =
  | { readonly kind: "stream" | "head"; readonly headers: StreamHeaders }
  | { readonly kind: "refused"; readonly response: Response };

export type StreamHeaders = Readonly<Record<string, string>>;

/** Opens streams of a bus with the settings of a route; the same for every host. Never rejects. */
export type StreamOpener = (call: StreamCall) => Promise<StreamAnswer>;

/** The methods of a stream route: in `Allow` of a 405 and of the answer to OPTIONS. */
export const STREAM_METHODS = "GET, HEAD, OPTIONS";

export function createStreamOpener(context: RouteContext, settings: StreamSettings): StreamOpener {
  const { connections } = context;
  const { authorize } = settings;
  const pulse = createPulse(context.engine, settings.heartbeatMs);
  const ownHeaders = streamHeaders({ isPrivate: isPrivate(settings) });
  const route: StreamRoute = { context, settings, onClose: pulse.remove };
  const asking = { timeoutMs: settings.authorizeTimeoutMs, onError: context.onError };

  async function open(call: StreamCall): Promise<StreamAnswer> {
    const { head, ip } = call;
    checkHost(head, settings);
    if (head.method !== "GET" && head.method !== "HEAD") throw new Refusal(METHOD_NOT_ALLOWED);
    if (isEmbeddedElsewhere(head, settings.cors)) throw new Refusal(CROSS_SITE);
    if (!acceptsEventStream(head)) throw new Refusal(NOT_ACCEPTABLE);
    const headers = { ...ownHeaders, ...corsHeaders(head, settings.cors) };
    // The body of an answer to HEAD is never read, so nothing would end a stream that it had opened.
    if (head.method === "HEAD") return { kind: "head", headers };

    const requested = readStreamRequest(head);
    checkLimits({ ...requested, ip }, settings, connections);
    if (connections.isDraining) throw new Refusal(DRAINING);
    const endReplay = isReplay(requested) ? takeReplay(connections, ip) : undefined;
    try {
      await openPermitted(call, requested, headers);
    } finally {
      endReplay?.();
    }
    return { kind: "stream", headers };
  }

  async function openPermitted(
    call: StreamCall,
    requested: StreamRequest,
    headers: StreamHeaders,
  ): Promise<void> {
    const { ip } = call;
    const { topics } = requested;
    let connection: StreamConnection | undefined;
    takePlace(connections, ip);
    try {
      // Not awaited without `authorize`: Next's async context follows each promise.
      const permission = authorize
        ? await requirePermission(authorize, subscribing(call, topics), asking)
        : { channels: topics, expiresAt: Number.POSITIVE_INFINITY };
      // Checked again after the await: a drain ends only the streams that are open when it begins.
      if (connections.isDraining) throw new Refusal(DRAINING);
      connection = connect(call, topics, permission, headers);
    } finally {
      if (!connection) freePlace(connections, ip);
    }
    await start(connection, call, requested.start);
  }

  function connect(
    call: StreamCall,
    topics: readonly string[],
    { channels, expiresAt }: Permission,
    headers: StreamHeaders,
  ): StreamConnection {
    return createStreamConnection(route, {
      topics: channels,
      ip: call.ip,
      endsAt: endOfLife(settings.maxLifetimeMs),
      // Not made where it is not needed: a function keeps the whole request while the stream is open.
      expiry:
        expiresAt === Number.POSITIVE_INFINITY
          ? undefined
          : { expiresAt, renew: () => renew(call, topics, channels) },
      openSink: (owner) => call.openSink(owner, headers),
    });
  }

  /** When the renewed permission expires; `undefined` if it does not cover the stream's channels any more. */
  async function renew(
    call: StreamCall,
    topics: readonly string[],
    channels: readonly string[],
  ): Promise<number | undefined> {
    if (!authorize) return Number.POSITIVE_INFINITY;
    const renewed = await renewPermission(authorize, subscribing(call, topics), asking);
    const isCovered = renewed && channels.every((name) => renewed.channels.includes(name));
    return isCovered ? renewed.expiresAt : undefined;
  }

  async function start(connection: StreamConnection, call: StreamCall, from: Start): Promise<void> {
    try {
      await connection.open(from);
    } catch (error) {
      connection.drop("error");
      throw error;
    }
    pulse.add(connection);
    // A client that disconnected during the awaits above is not reported again.
    if (call.isGone() || !connections.open.has(connection)) {
      connection.drop("client");
      pulse.remove(connection);
    }
  }

  return async (call) => {
    try {
      return await open(call);
    } catch (error) {
      const refusal = toRefusal(error);
      const { head } = call;
      if (refusal.problem.status === 500) context.onError(error as Error);
      countRefusal(connections, refusal);
      const headers = { ...refusal.problem.headers, ...corsHeaders(head, settings.cors) };
      const problem = { ...refusal.problem, headers };
      return { kind: "refused", response: refuseStream({ head, problem, settings }) };
    }
  };
}

/** A stream that only some clients may read must not be cached, not even with revalidation. */
function isPrivate({ authorize, cors }: StreamSettings): boolean {
  return authorize !== undefined || cors?.credentials === true;
}

function subscribing(call: StreamCall, channels: readonly string[]): AuthorizeContext {
  return { request: call.request(), channels, action: "subscribe" };
}

const METHOD_NOT_ALLOWED: Problem = {
  status: 405,
  code: "METHOD_NOT_ALLOWED",
  detail: "An event stream is read with GET.",
  headers: { Allow: STREAM_METHODS },
};

const NOT_ACCEPTABLE: Problem = {
  status: 406,
  code: "NOT_ACCEPTABLE",
  detail: "This is a text/event-stream: send `Accept: text/event-stream` or no Accept.",
};

const CROSS_SITE: Problem = {
  status: 403,
  code: "CROSS_SITE",
  detail: "A page of another origin may not embed a stream: read it with EventSource or fetch.",
};

const DRAINING: Problem = {
  status: 503,
  code: "DRAINING",
  detail: "This server is shutting down. Reconnect: another instance, or the next one, answers.",
  headers: { "Retry-After": "1" },
};

/** Spread by 10 % each way: otherwise all clients of one deploy would reconnect at the same moment. */
function endOfLife(maxLifetimeMs: number): number {
  return Date.now() + maxLifetimeMs * (0.9 + Math.random() * 0.2);
}
