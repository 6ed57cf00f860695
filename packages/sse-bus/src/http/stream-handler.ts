import type { BusInternals } from "../core/bus.ts";
import { increment } from "../core/connections.ts";
import { type AuthorizeContext, decide } from "./authorize.ts";
import { type ClientIpOptions, clientIp } from "./client-ip.ts";
import { corsHeaders, optionsResponse } from "./cors.ts";
import { type Problem, problemOf, problemResponse } from "./problem.ts";
import { createPulse } from "./pulse.ts";
import { createStreamConnection, type StreamConnection } from "./stream-connection.ts";
import { readStreamOptions, type StreamOptions, type StreamSettings } from "./stream-options.ts";
import {
  acceptsEventStream,
  countPatterns,
  readStreamRequest,
  type StreamRequest,
} from "./stream-request.ts";
import { createWebSink, type OpenByteSink } from "./web-sink.ts";

/** Answers requests for the event stream, on any host that speaks `Request` and `Response`. */
export type StreamHandler = (request: Request) => Promise<Response>;

export interface StreamHandlerHost extends ClientIpOptions {
  /** @default a web stream */
  readonly openSink?: OpenByteSink;
}

const ALLOW = "GET, HEAD, OPTIONS";

/**
 * Headers of every stream: `no-transform` because compressed streams arrive late or never, and
 * `X-Accel-Buffering` because nginx buffers otherwise.
 */
const STREAM_HEADERS = {
  "Content-Type": "text/event-stream; charset=utf-8",
  "Cache-Control": "no-cache, no-transform",
  "X-Accel-Buffering": "no",
};

export function createStreamHandler(
  internals: BusInternals,
  options: StreamOptions,
  host: StreamHandlerHost,
): StreamHandler {
  const settings = readStreamOptions(options);
  const pulse = createPulse(internals.engine, settings.heartbeatMs);
  const { connections } = internals;

  function refuse(request: Request, problem: Problem): Response {
    increment(connections.refusals, problem.code);
    const headers = { ...problem.headers, ...corsHeaders(request, settings.cors) };
    return problemResponse({ ...problem, headers });
  }

  async function open(request: Request): Promise<Response> {
    const ip = clientIp(request, host);
    const asked = readStreamRequest(request);
    const limit = findLimit(internals, settings, asked, ip);
    if (limit) return refuse(request, limit);

    const ask = (): ReturnType<typeof decide> => {
      const context: AuthorizeContext = { request, channels: asked.topics, action: "subscribe" };
      return decide(settings.authorize, context, internals.options.onError);
    };
    const decision = await ask();
    if ("problem" in decision) return refuse(request, decision.problem);

    const { channels, expiresAt } = decision;
    const connection = createStreamConnection(internals, {
      request,
      topics: channels,
      start: asked.start,
      ip,
      heartbeatMs: settings.heartbeatMs,
      retryMs: settings.retryMs,
      writeTimeoutMs: settings.writeTimeoutMs,
      endsAt: endOfLife(settings.maxLifetimeMs),
      expiresAt,
      async renew() {
        const renewed = await ask();
        const isSame =
          "channels" in renewed && channels.every((name) => renewed.channels.includes(name));
        return isSame ? renewed.expiresAt : undefined;
      },
      openSink: host.openSink ?? ((_, handlers) => createWebSink(handlers)),
      onClose: pulse.remove,
    });
    return answer(connection, request);
  }

  async function answer(connection: StreamConnection, request: Request): Promise<Response> {
    try {
      await connection.open();
    } catch (error) {
      connection.drop("error");
      throw error;
    }
    pulse.add(connection);
    // A client that left meanwhile is told to nobody again.
    if (request.signal.aborted || !connections.open.has(connection)) {
      connection.drop("client");
      pulse.remove(connection);
    }
    return new Response(connection.body, {
      headers: { ...STREAM_HEADERS, ...corsHeaders(request, settings.cors) },
    });
  }

  return async (request) => {
    try {
      if (request.method === "OPTIONS") return optionsResponse(request, ALLOW, settings.cors);
      if (request.method !== "GET" && request.method !== "HEAD") {
        return refuse(request, METHOD_NOT_ALLOWED);
      }
      if (!acceptsEventStream(request)) return refuse(request, NOT_ACCEPTABLE);
      if (request.method === "GET") return await open(request);
      // The answer to HEAD is never read, so nothing would ever end what it had opened.
      return new Response(null, {
        headers: { ...STREAM_HEADERS, ...corsHeaders(request, settings.cors) },
      });
    } catch (error) {
      const problem = problemOf(error);
      if (problem.status === 500) internals.options.onError(error as Error);
      return refuse(request, problem);
    }
  };
}

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

function findLimit(
  { connections }: BusInternals,
  settings: StreamSettings,
  { topics }: StreamRequest,
  ip: string | undefined,
): Problem | undefined {
  if (connections.isDraining) {
    return busy("DRAINING", "This server is shutting down: connect again, to another one.");
  }
  if (connections.open.size >= settings.maxConnections) {
    return busy("TOO_MANY_CONNECTIONS", "This server has as many streams as it may: come later.");
  }
  if (topics.length > settings.maxChannels || countPatterns(topics) > settings.maxPatterns) {
    return {
      status: 400,
      code: "TOO_MANY_CHANNELS",
      detail: `A stream has at most ${settings.maxChannels} channels, ${settings.maxPatterns} of them patterns: open several, or use a pattern.`,
    };
  }
  const own = ip === undefined ? undefined : connections.perClient.get(ip);
  if (own === undefined || own < settings.maxConnectionsPerClient) return undefined;
  return {
    status: 429,
    code: "TOO_MANY_CONNECTIONS",
    detail: "This address has as many streams as it may: close some, or share one among tabs.",
    headers: { "Retry-After": "10" },
  };
}

function busy(code: Problem["code"], detail: string): Problem {
  return { status: 503, code, detail, headers: { "Retry-After": "1" } };
}

/** Spread by 10 % each way, or all clients of one deploy would come back in one moment. */
function endOfLife(maxLifetimeMs: number): number {
  return Date.now() + maxLifetimeMs * (0.9 + Math.random() * 0.2);
}
