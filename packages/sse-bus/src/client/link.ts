import { readAnswer, retryAfterMs } from "./answer.ts";
import type { ClientHost } from "./client-host.ts";
import type { SseClientOptions } from "./client-types.ts";
import { resolveHeaders } from "./credentials.ts";
import type { ErrorRecord } from "./protocol.ts";
import { openStream, type StreamRequest } from "./stream.ts";
import { createWatchdog } from "./watchdog.ts";

/** Settings of a client, and what it knows of its page. They change; a link reads them anew. */
export interface LinkOptions extends SseClientOptions {
  readonly url: string;
  readonly host?: ClientHost;
  /** A `hello` has come before, here or in another tab: see {@link readAnswer}. */
  wasOpen?: boolean | undefined;
}

/** One response with an event stream, from its request to its end. */
export interface Link {
  /** What it serves; nothing, once it is to be replaced. */
  keys: readonly string[];
  /** The cursor after which it was asked to start; `latest`, `earliest`, or empty: from now on. */
  readonly from: string;
  /** Finds out now whether it is dead. */
  check: () => void;
  close: () => undefined;
}

/** What a link is asked to serve. `isRefused`: the last credentials were. */
export type LinkRequest = readonly [keys: readonly string[], from: string, isRefused: boolean];

/** Whom a link tells. Of one that was closed, only blocks of the bytes at hand are still told. */
export type LinkHandlers = readonly [
  onHello: (
    link: Link,
    at: string,
    silenceMs: number,
    head?: string,
    channels?: readonly string[],
  ) => void,
  onBlock: (link: Link, at: string, channel: string, event: string, data: string) => void,
  onRetry: (retryMs: number) => void,
  /** It has failed, for good or not. `waitMs`: as the server wants it. */
  onEnd: (link: Link, error: ErrorRecord, waitMs?: number) => void,
];

export function openLink(
  options: LinkOptions,
  [keys, from, isRefused]: LinkRequest,
  [onHello, onBlock, onRetry, onEnd]: LinkHandlers,
): Link {
  let { connectTimeoutMs: silenceMs = 15_000 } = options;
  let isOver = false;
  /** The headers that were sent, until there is an answer. */
  let sent: Headers | undefined;
  /** Why the server ends the stream, and what it wants waited. */
  let why = "Ended.";
  let waitMs: number | undefined;

  const end = (error: ErrorRecord): void => {
    if (isOver) return;
    link.close();
    onEnd(link, error, waitMs);
  };

  const [expect, check] = createWatchdog(() => end(["STREAM_SILENT", "Silent."]));

  const request = async (): Promise<StreamRequest> => {
    // A server that refuses for a moment tells the status only to who can read the reason.
    const accept = "text/event-stream, application/problem+json";
    const headers = await resolveHeaders(options, accept, isRefused);
    const url = new URL(options.url);
    for (const key of keys) url.searchParams.append("channel", key);
    if (from.includes("-")) headers.set("Last-Event-ID", from);
    else if (from) url.searchParams.set("from", from);
    const cookies: RequestInit = options.withCredentials ? { credentials: "include" } : {};
    sent = headers;
    return [url, { headers, ...cookies }, options.fetch];
  };

  const abort = openStream(request, {
    onOpen() {
      sent = undefined;
    },
    onBytes: () => expect(silenceMs),
    onRetry,
    onBlock(event, data, id) {
      const [at, channel = "default", form] = id.split("@") as [string, string?, string?];
      if (event === "hello") {
        const { heartbeatMs, head, channels } = JSON.parse(data as string);
        // So many heartbeats may be missed.
        silenceMs = heartbeatMs * 2.5;
        expect(silenceMs);
        onHello(link, at, silenceMs, head, channels);
      } else if (data !== undefined) {
        if (event === "bye") {
          const { reason, retryMs } = JSON.parse(data);
          why = `Bye: ${reason}`;
          waitMs = retryMs;
        }
        // Raw data is a string to listeners, as JSON's strings are.
        onBlock(link, at, channel, event, form ? JSON.stringify(data) : data);
      }
    },
    onEnd(response, error = why) {
      why = String(error);
      if (response) {
        waitMs = retryAfterMs(response);
        // The watchdog still runs, so that a body without end cannot hold this up.
        void readAnswer(response, options.wasOpen).then(end);
      } else {
        end(describeLoss(options, sent, why) ?? ["STREAM_LOST", why]);
      }
    },
  });

  const link: Link = {
    keys,
    from,
    check,
    close() {
      isOver = true;
      expect(0);
      abort();
    },
  };
  expect(silenceMs);
  return link;
}

/**
 * A browser hides why a request to another origin failed: a refused preflight looks like a server that
 * is away. Where there never was an answer, the remedy for the former is named.
 */
function describeLoss(
  { url, host, wasOpen }: LinkOptions,
  sent: Headers | undefined,
  why: string,
): ErrorRecord | undefined {
  const page = host?.location && new URL(host.location.href).origin;
  const { origin } = new URL(url);
  if (wasOpen || !sent || !page || page === origin) return undefined;
  const names = [...sent.keys()].filter((name) => name !== "accept");
  return [
    "CROSS_ORIGIN_FAILED",
    `${why}. If ${origin} is up, it must allow (CORS) ${page} and its headers: ${names.join(", ") || "none"}.`,
  ];
}
