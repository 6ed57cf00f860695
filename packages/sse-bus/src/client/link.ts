import { isRetryable, retryAfterMs } from "./answer.ts";
import type { SseClientOptions } from "./client-types.ts";
import { resolveHeaders } from "./credentials.ts";
import { toCursor } from "./cursor.ts";
import type { ErrorRecord } from "./protocol.ts";
import { openStream, type StreamRequest } from "./stream.ts";
import { createWatchdog } from "./watchdog.ts";

/** One response with an event stream, from its request to its end. */
export interface Link {
  keys: readonly string[];
  readonly from: string;
  /** How long it may be silent, as told by `hello`. */
  silenceMs: number;
  /** It is to be replaced. */
  stale?: boolean;
  /** Finds out now whether the line is dead. */
  check: () => void;
  close: () => undefined;
}

export interface LinkOptions extends SseClientOptions {
  readonly url: string;
  /** The server refused the credentials of the last request. */
  readonly refused: boolean;
  /** It is open, reads from `cursor` on, and "from now on" starts at `head`. */
  onHello: (cursor: string, head: string, granted: unknown) => void;
  onBlock: (cursor: string, channel: string, event: string, data: string) => void;
  onRetry: (retryMs: number) => void;
  /** It is over, unless `close` was called. */
  onEnd: (link: Link, error: ErrorRecord, waitMs?: number) => void;
}

/** How many heartbeats may be missed. */
const SILENT_HEARTBEATS = 2.5;

/** Asks for the event stream of `keys` from `from` on: a cursor, `latest`, `earliest`, or empty. */
export function openLink(keys: readonly string[], from: string, options: LinkOptions): Link {
  let isOpen = false;
  let isOver = false;

  const end = (error: ErrorRecord, waitMs?: number): void => {
    if (isOver) return;
    link.close();
    options.onEnd(link, error, waitMs);
  };

  const [expect, check] = createWatchdog(() => end(["STREAM_SILENT", "Silent for too long."]));

  const request = async (): Promise<StreamRequest> => {
    const headers = await resolveHeaders(options, options.refused);
    const url = new URL(options.url);
    for (const key of keys) url.searchParams.append("channel", key);
    if (from.includes("-")) headers["Last-Event-ID"] = from;
    else if (from) url.searchParams.set("from", from);
    const credentials = options.withCredentials ? "include" : "same-origin";
    return [url, { headers, credentials }, options.fetch];
  };

  const abort = openStream(request, {
    onBytes: () => expect(link.silenceMs),
    onRetry: options.onRetry,
    onBlock(event, data, id) {
      if (isOver || data === undefined) return;
      const cursor = toCursor(id);
      if (event === "hello") {
        const { heartbeatMs = 15_000, head = cursor, channels } = JSON.parse(data);
        isOpen = true;
        expect((link.silenceMs = heartbeatMs * SILENT_HEARTBEATS));
        options.onHello(cursor, head, channels);
      } else if (isOpen) {
        options.onBlock(cursor, id.split("@")[1] ?? "default", event, data);
      }
    },
    async onEnd(response, error = "The stream ended.") {
      if (!response) return end(["STREAM_LOST", `${error}`]);
      const { status, headers } = response;
      if (isRetryable(status)) {
        return end(
          ["STREAM_LOST", `Answered ${status}.`, { cause: { status } }],
          retryAfterMs(headers),
        );
      }
      // The watchdog still runs, so that a body without end cannot hold this up.
      const problem = await response.json().catch(() => ({}));
      const why = problem.detail ?? headers.get("content-type");
      end(["STREAM_REFUSED", `Answered ${status}: ${why}`, { cause: { ...problem, status } }]);
    },
  });

  const link: Link = {
    keys,
    from,
    silenceMs: options.connectTimeoutMs ?? 15_000,
    check,
    close() {
      isOver = true;
      expect(0);
      abort();
    },
  };
  expect(link.silenceMs);
  return link;
}
