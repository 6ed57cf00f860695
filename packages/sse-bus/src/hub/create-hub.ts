import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { drainConnections } from "../http/drain.ts";
import { SseBusError } from "../core/errors.ts";
import { isFastPathOn } from "../http/fast-paths.ts";
import { assertCount } from "../core/history.ts";
import type { ChannelMap } from "../core/types.ts";
import { problemAnswer } from "../http/problem.ts";
import { routeContext } from "../http/route-context.ts";
import { methodNotAllowed } from "../http/usual-problems.ts";
import { sendAnswer } from "../node/send-answer.ts";
import { answerOn } from "../node/socket-sink.ts";
import {
  type PlainRequestInterception,
  interceptPlainRequests,
} from "../node/undocumented/fast-lane.ts";
import { proveFastPaths } from "../node/undocumented/prove-fast-paths.ts";
import { closeServer, trackSockets } from "./close-server.ts";
import { createHubRoutes, type HubOverrides, STREAM_PATH } from "./hub-routes.ts";
import type { HubOptions } from "./hub-options.ts";

/** A server of event streams. */
export interface Hub extends AsyncDisposable {
  readonly server: Server | Http2SecureServer;
  /** Listens, and resolves with the URL. Port 0 selects a free port. */
  listen(port?: number, host?: string): Promise<string>;
  /** Ends every stream with `bye` and a random delay to reconnect, and opens no more. Idempotent. */
  drain(): void;
  /** Drains, waits until every answer has been sent, and stops listening. Idempotent. */
  close(): Promise<void>;
}

/**
 * Makes a server that does what the Next.js routes do, on `node:http` alone: `GET /sse`, `/publish`, `/health`
 * and `/metrics`. Use it to keep long connections away from your Next.js servers, or on serverless platforms.
 * The application publishes to it over HTTP, or shares a backend with it.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * const hub = createHub({ bus: createBus(), publishToken: "secret" });
 * console.log(await hub.listen(4000));
 * process.once("SIGTERM", () => hub.close());
 * ```
 */
export function createHub<Channels extends ChannelMap, Inputs extends ChannelMap>(
  options: HubOptions<Channels, Inputs>,
): Hub {
  return createHubWith(options, {});
}

/** Like `createHub`, for one of several processes. */
export function createHubWith<Channels extends ChannelMap, Inputs extends ChannelMap>(
  options: HubOptions<Channels, Inputs>,
  overrides: HubOverrides,
): Hub {
  const { trustedProxies = 0, tls } = options;
  const context = routeContext(options.bus);
  assertCount(trustedProxies, "trustedProxies", 0);
  const { onRequest, onPlainStream, unanswered } = createHubRoutes(context, options, overrides);
  const server = createServerFor(tls, onRequest);
  server.on("connect", refuseConnect);
  trackSockets(server);
  let plainRequests: PlainRequestInterception | undefined;
  let closing: Promise<void> | undefined;

  function drain(): void {
    drainConnections(context);
  }

  async function close(): Promise<void> {
    drain();
    plainRequests?.close();
    if (server.listening) await closeServer(server, unanswered);
  }

  return {
    server,
    async listen(port = 4000, host = "127.0.0.1") {
      await Promise.all([
        context.engine.lifecycle.open(),
        proveFastPaths(["direct-sink", "fast-lane"], context.onError),
      ]);
      if (isPlain(server) && isFastPathOn("fast-lane")) {
        plainRequests ??= interceptPlainRequests(server, STREAM_PATH, onPlainStream);
      }
      server.listen(port, host);
      await once(server, "listening");
      return urlOf(server, tls ? "https" : "http");
    },
    drain,
    close: () => (closing ??= close()),
    [Symbol.asyncDispose]: () => (closing ??= close()),
  };
}

/**
 * Streams and requests per HTTP/2 connection. It has to be announced: otherwise Chromium assumes 100, and with
 * that many streams open each further request waits forever (RFC 9113 §5.1.2).
 */
const MAX_CONCURRENT_STREAMS = 1000;

function createServerFor(
  tls: { readonly cert: string | Uint8Array; readonly key: string | Uint8Array } | undefined,
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Server | Http2SecureServer {
  if (!tls) return createServer(listener);
  try {
    const options = {
      cert: tls.cert as Buffer,
      key: tls.key as Buffer,
      allowHTTP1: true,
      settings: { maxConcurrentStreams: MAX_CONCURRENT_STREAMS },
    };
    // Requests and responses of HTTP/2 are made to look like those of HTTP/1 (node:http2's own API).
    return createSecureServer(options, listener as never);
  } catch (cause) {
    throw new SseBusError("INVALID_OPTION", "`tls` needs a certificate and its key, in PEM.", {
      cause,
    });
  }
}

/** CONNECT (RFC 9110 §9.3.6): without this answer `node:http` cuts the connection. */
function refuseConnect(_: IncomingMessage, to: Duplex | ServerResponse): void {
  const refusal = problemAnswer(
    methodNotAllowed("GET, POST, OPTIONS", "The hub is not a proxy: use GET or POST."),
  );
  // HTTP/2 gives a response, HTTP/1.1 a socket.
  if ("writeHead" in to) sendAnswer(refusal, to);
  else answerOn(to as Socket, refusal);
}

function isPlain(server: Server | Http2SecureServer): server is Server {
  return !("setSecureContext" in server);
}

function urlOf(server: Server | Http2SecureServer, scheme: string): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `${scheme}://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}
