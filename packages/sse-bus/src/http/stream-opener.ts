import { increment, leavePlace, takePlace, takeReplay } from "./connections.ts";
import type { Start } from "../core/open-reader.ts";
import {
  type AuthorizeContext,
  decide,
  type Decision,
  type Refusal as Denial,
} from "./authorize.ts";
import type { ByteSink, SinkOwner } from "./byte-sink.ts";
import { corsHeaders, isEmbeddedElsewhere } from "./cors.ts";
import { refuseHost } from "./host.ts";
import { type Problem, problemOf } from "./problem.ts";
import { createPulse } from "./pulse.ts";
import { findRefused } from "./refused-channels.ts";
import { refuseStream } from "./refuse-stream.ts";
import type { RequestHead } from "./request-head.ts";
import type { RouteContext } from "./route-context.ts";
import {
  createStreamConnection,
  type StreamConnection,
  type StreamRoute,
} from "./stream-connection.ts";
import type { StreamSettings } from "./stream-options.ts";
import { streamHeaders } from "./stream-headers.ts";
import { findLimit, isReplay } from "./stream-limits.ts";
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
  /** Whether the client left while the stream was being opened. */
  isGone(): boolean;
}

/** What a call comes to. */
export type StreamAnswer =
  | { readonly kind: "stream" | "head"; readonly headers: StreamHeaders }
  | { readonly kind: "refused"; readonly response: Response };

/** An answer on its way, before a refusal has been put into words for the client. */
type Outcome =
  | { readonly kind: "stream" | "head"; readonly headers: StreamHeaders }
  | { readonly kind: "refused"; readonly problem: Problem };

export type StreamHeaders = Readonly<Record<string, string>>;

/** Opens streams of a bus with the settings of a route; the same for every host. Never rejects. */
export type StreamOpener = (call: StreamCall) => Promise<StreamAnswer>;

const ALLOW = "GET, HEAD, OPTIONS";

export function createStreamOpener(context: RouteContext, settings: StreamSettings): StreamOpener {
  const pulse = createPulse(context.engine, settings.heartbeatMs);
  const { connections } = context;
  const ownHeaders = streamHeaders({ isPrivate: isPrivate(settings) });
  const route: StreamRoute = { context, settings, onClose: pulse.remove };

  async function open(call: StreamCall): Promise<Outcome> {
    const { head, ip } = call;
    const badHost = refuseHost(head, settings);
    if (badHost) return refused(badHost);
    if (head.method !== "GET" && head.method !== "HEAD") return refused(METHOD_NOT_ALLOWED);
    if (isEmbeddedElsewhere(head)) return refused(CROSS_SITE);
    if (!acceptsEventStream(head)) return refused(NOT_ACCEPTABLE);
    const headers = { ...ownHeaders, ...corsHeaders(head, settings.cors) };
    // The answer to HEAD is never read, so nothing would ever end what it had opened.
    if (head.method === "HEAD") return { kind: "head", headers };

    const asked = readStreamRequest(head);
    const limit = findLimit({ ...asked, ip }, settings, connections);
    if (limit) {
      increment(connections.limitsHit, limit.option);
      return refused(limit.problem);
    }
    if (connections.isDraining) return refused(DRAINING);
    const leaveReplay = isReplay(asked) ? takeReplay(connections, ip) : undefined;
    try {
      return await openAllowed(call, asked, headers);
    } finally {
      leaveReplay?.();
    }
  }

  async function openAllowed(
    call: StreamCall,
    asked: StreamRequest,
    headers: StreamHeaders,
  ): Promise<Outcome> {
    const { ip } = call;
    let connection: StreamConnection | undefined;
    takePlace(connections, ip);
    try {
      // Each await is a promise that Next's async context follows.
      const decision = settings.authorize ? await ask(call, asked.topics) : everything(asked);
      if ("problem" in decision) return refused(await named(call, asked.topics, decision));
      // A stream that began after the others were told to leave would never be told.
      if (connections.isDraining) return refused(DRAINING);
      connection = connect(call, { asked, ip, headers, ...decision });
    } finally {
      if (!connection) leavePlace(connections, ip);
    }
    await start(connection, call, asked.start);
    return { kind: "stream", headers };
  }

  function connect(
    call: StreamCall,
    { asked, ip, headers, channels, expiresAt }: ConnectOptions,
  ): StreamConnection {
    return createStreamConnection(route, {
      topics: channels,
      ip,
      endsAt: endOfLife(settings.maxLifetimeMs),
      expiresAt,
      // A function holds the whole request for as long as the stream is open.
      renew:
        expiresAt === Number.POSITIVE_INFINITY ? undefined : () => renew(call, asked, channels),
      openSink: (owner) => call.openSink(owner, headers),
    });
  }

  async function renew(
    call: StreamCall,
    { topics }: StreamRequest,
    channels: readonly string[],
  ): Promise<number | undefined> {
    const renewed = await ask(call, topics);
    const isSame =
      "channels" in renewed && channels.every((name) => renewed.channels.includes(name));
    return isSame ? renewed.expiresAt : undefined;
  }

  async function start(connection: StreamConnection, call: StreamCall, from: Start): Promise<void> {
    try {
      await connection.open(from);
    } catch (error) {
      connection.drop("error");
      throw error;
    }
    pulse.add(connection);
    // A client that left meanwhile is told to nobody again.
    if (call.isGone() || !connections.open.has(connection)) {
      connection.drop("client");
      pulse.remove(connection);
    }
  }

  const deciding = { timeoutMs: settings.authorizeTimeoutMs, onError: context.onError };

  async function ask(call: StreamCall, channels: readonly string[]): Promise<Decision> {
    const { authorize } = settings;
    if (!authorize) return { channels, expiresAt: Number.POSITIVE_INFINITY };
    return decide(authorize, subscribing(call, channels), deciding);
  }

  /** The refusal, with the channels that it is about if it is about some only. */
  async function named(
    call: StreamCall,
    asked: readonly string[],
    { problem, isAnswered }: Denial,
  ): Promise<Problem> {
    const { authorize } = settings;
    if (!authorize || !isAnswered || asked.length < 2) return problem;
    const channels = await findRefused(authorize, subscribing(call, asked), deciding);
    return channels.length > 0 ? { ...problem, channels } : problem;
  }

  return async (call) => {
    let outcome: Outcome;
    try {
      outcome = await open(call);
    } catch (error) {
      const problem = problemOf(error);
      if (problem.status === 500) context.onError(error as Error);
      outcome = refused(problem);
    }
    if (outcome.kind !== "refused") return outcome;
    const { head } = call;
    increment(connections.refusals, outcome.problem.code);
    const headers = { ...outcome.problem.headers, ...corsHeaders(head, settings.cors) };
    const problem = { ...outcome.problem, headers };
    return { kind: "refused", response: refuseStream({ head, problem, settings }) };
  };
}

/** What only some may read is nothing for a cache, not even for one that asks before each use. */
function isPrivate({ authorize, cors }: StreamSettings): boolean {
  return authorize !== undefined || cors?.credentials === true;
}

function everything({ topics }: StreamRequest) {
  return { channels: topics, expiresAt: Number.POSITIVE_INFINITY };
}

interface ConnectOptions {
  readonly asked: StreamRequest;
  readonly ip: string | undefined;
  readonly headers: StreamHeaders;
  readonly channels: readonly string[];
  readonly expiresAt: number;
}

function subscribing(call: StreamCall, channels: readonly string[]): AuthorizeContext {
  return { request: call.request(), channels, action: "subscribe" };
}

/** Answers to OPTIONS allow the same as a 405 does. */
export { ALLOW as STREAM_METHODS };

const METHOD_NOT_ALLOWED: Problem = {
  status: 405,
  code: "METHOD_NOT_ALLOWED",
  detail: "An event stream is read with GET.",
  headers: { Allow: ALLOW },
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
  detail: "This server is shutting down: connect again, to another one.",
  headers: { "Retry-After": "1" },
};

function refused(problem: Problem): Outcome {
  return { kind: "refused", problem };
}

/** Spread by 10 % each way, or all clients of one deploy would come back in one moment. */
function endOfLife(maxLifetimeMs: number): number {
  return Date.now() + maxLifetimeMs * (0.9 + Math.random() * 0.2);
}
