import { readAnswer } from "./answer.ts";
import type { SseClientOptions } from "./client-types.ts";
import { resolveHeaders } from "./credentials.ts";
import type { ErrorRecord } from "./protocol.ts";
import { openStream, type StreamRequest } from "./stream.ts";
import { createWatchdog } from "./watchdog.ts";

/** Settings of a client; a link reads the token anew. */
export interface LinkOptions extends SseClientOptions {
  readonly url: string;
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

  const end = (error: ErrorRecord, waitMs?: number): void => {
    if (isOver) return;
    link.close();
    onEnd(link, error, waitMs);
  };

  const [expect, check] = createWatchdog(() => end(["STREAM_SILENT", "Silent."]));

  const request = async (): Promise<StreamRequest> => {
    const headers = await resolveHeaders(options, isRefused);
    const url = new URL(options.url);
    for (const key of keys) url.searchParams.append("channel", key);
    if (from.includes("-")) headers["Last-Event-ID"] = from;
    else if (from) url.searchParams.set("from", from);
    const cookies: RequestInit = options.withCredentials ? { credentials: "include" } : {};
    return [url, { headers, ...cookies }, options.fetch];
  };

  const abort = openStream(request, {
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
        // Raw data is a string to listeners, as JSON's strings are.
        onBlock(link, at, channel, event, form ? JSON.stringify(data) : data);
      }
    },
    onEnd(response, error = "Ended.") {
      // The watchdog still runs, so that a body without end cannot hold this up.
      if (response) void readAnswer(response).then((answer) => end(...answer));
      else end(["STREAM_LOST", String(error)]);
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
