import { readAnswer, retryAfterMs } from "./answer.ts";
import { serverWaitMs } from "./backoff.ts";
import type { ClientHost } from "./client-host.ts";
import type { SseClientOptions } from "./client-types.ts";
import { resolveHeaders } from "./credentials.ts";
import { isPosition } from "./cursor.ts";
import type { ErrorRecord, FrameMessage } from "./protocol.ts";
import { openStream, type FetchRequest } from "./stream.ts";
import { createWatchdog } from "./watchdog.ts";

/** The options of a client, and what it knows of its page. They change; each connection reads them. */
export interface ClientSettings extends SseClientOptions {
  url: string;
  readonly host?: ClientHost;
  /** A `hello` has come before, here or in another tab: see {@link readAnswer}. */
  wasOpen?: boolean;
}

/** One request for an event stream and its response. */
export interface ClientConnection {
  /** What it serves; empty once it has to be replaced. */
  channels: readonly string[];
  /** The cursor after which it was asked to start; `latest`, `earliest`, or empty: from now on. */
  readonly from: string;
  /** Finds out now whether it is dead. */
  check(): void;
  close(): void;
}

/** What a connection is asked to serve. */
export interface ConnectionRequest {
  readonly channels: readonly string[];
  readonly from: string;
  /** The server has refused the last credentials. */
  readonly isRefused: boolean;
}

/** What `hello` says. */
export interface ConnectionHello {
  /** Where the stream starts. */
  readonly cursor: string;
  readonly silenceMs: number;
  readonly head?: string;
  /** The channels that the server grants; without it, all. */
  readonly granted?: readonly string[];
}

/** After `close()`, only frames of the bytes at hand may still come. */
export interface ConnectionHandlers {
  onHello(connection: ClientConnection, hello: ConnectionHello): void;
  onFrame(connection: ClientConnection, frame: FrameMessage): void;
  /** The server is about to end the stream, and asks to wait. */
  onBye(connection: ClientConnection, reason: string, waitMs: number | undefined): void;
  onRetry(retryMs: number): void;
  /** The connection has failed, for good or not. `waitMs`: what the server asks to wait. */
  onEnd(connection: ClientConnection, error: ErrorRecord, waitMs?: number): void;
}

/** How many heartbeats may be late before a stream counts as dead. */
const SILENT_HEARTBEATS = 2.5;

export function openConnection(
  settings: ClientSettings,
  { channels, from, isRefused }: ConnectionRequest,
  handlers: ConnectionHandlers,
): ClientConnection {
  let { connectTimeoutMs: silenceMs = 15_000 } = settings;
  let isOver = false;
  /** The headers that were sent, until there is an answer. */
  let sent: Headers | undefined;
  /** Why the server ends the stream, and how long it asks to wait. */
  let reason = "Ended.";
  let waitMs: number | undefined;

  const end = (error: ErrorRecord): void => {
    if (isOver) return;
    connection.close();
    handlers.onEnd(connection, error, waitMs);
  };

  const watchdog = createWatchdog(() => end({ code: "STREAM_SILENT", message: "Silent." }));

  const request = async (): Promise<FetchRequest> => {
    // During a short outage the server sends the status only to clients that can read the reason.
    const accept = "text/event-stream, application/problem+json";
    const headers = await resolveHeaders(settings, accept, isRefused);
    const url = new URL(settings.url);
    for (const channel of channels) url.searchParams.append("channel", channel);
    if (isPosition(from)) headers.set("Last-Event-ID", from);
    else if (from) url.searchParams.set("from", from);
    sent = headers;
    return { ...settings, url, headers };
  };

  const abort = openStream(request, {
    onOpen() {
      sent = undefined;
    },
    onBytes: () => watchdog.expect(silenceMs),
    onRetry: handlers.onRetry,
    onBlock(event, data, id) {
      const [cursor, channel = "default", form] = id.split("@") as [string, string?, string?];
      if (event === "hello") {
        const hello = JSON.parse(data as string);
        silenceMs = hello.heartbeatMs * SILENT_HEARTBEATS;
        watchdog.expect(silenceMs);
        handlers.onHello(connection, {
          cursor,
          silenceMs,
          head: hello.head,
          granted: hello.channels,
        });
      } else if (data !== undefined) {
        if (event === "bye") {
          const bye = JSON.parse(data);
          reason = `Bye: ${bye.reason}`;
          waitMs = serverWaitMs(bye.retryMs);
          return handlers.onBye(connection, bye.reason, waitMs);
        }
        handlers.onFrame(connection, {
          type: "frame",
          cursor,
          channel,
          event,
          // Raw data is a string to listeners, as JSON's strings are.
          data: form ? JSON.stringify(data) : data,
        });
      }
    },
    onEnd(response, error = reason) {
      if (response) {
        waitMs = retryAfterMs(response);
        // The watchdog still runs, so that a body without end cannot hold this up.
        void readAnswer(response, settings.wasOpen).then(end);
      } else {
        end(describeLoss(settings, sent, String(error)));
      }
    },
  });

  const connection: ClientConnection = {
    channels,
    from,
    check: watchdog.check,
    close() {
      isOver = true;
      watchdog.expect(0);
      abort();
    },
  };
  watchdog.expect(silenceMs);
  return connection;
}

/**
 * A browser hides why a request to another origin failed: a refused preflight looks like a server that
 * is down. Where there has never been an answer, the error names what the server must allow.
 */
function describeLoss(
  { url, host, wasOpen }: ClientSettings,
  sent: Headers | undefined,
  message: string,
): ErrorRecord {
  const page = host?.location?.origin;
  const { origin } = new URL(url);
  if (wasOpen || !sent || !page || page === origin) return { code: "STREAM_LOST", message };
  const names = [...sent.keys()].filter((name) => name !== "accept");
  return {
    code: "CROSS_ORIGIN_FAILED",
    message: `${message}. If ${origin} is up, it must allow (CORS) ${page}, and these headers: ${names.join(", ")}`,
  };
}
