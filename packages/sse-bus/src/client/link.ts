import { isRetryable, retryAfterMs } from "./answer.ts";
import type { ErrorRecord } from "./client-error.ts";
import { toCursor } from "./cursor.ts";
import { isOwnStart } from "./protocol.ts";
import { openStream } from "./stream.ts";
import { createWatchdog } from "./watchdog.ts";

export interface LinkOptions {
  readonly url: string;
  readonly fetch: typeof globalThis.fetch;
  readonly withCredentials: boolean;
  readonly connectTimeoutMs: number;
  /** The headers of the next request; `refused` when the last ones met a 401 or 403. */
  readonly headers: (refused: boolean) => Promise<Record<string, string>>;
}

/** One response with an event stream, from its request to its end. */
export interface Link {
  readonly id: string;
  /** The channels and patterns it serves. */
  readonly keys: Set<string>;
  /** Where it was asked to start, or once it is open and was not asked, where it started. */
  from: string;
  /** What it has handed over; empty until its `hello`. */
  cursor: string;
  /** A `ping` has told that nothing older is to come. */
  atHead: boolean;
  /** It is to be replaced. */
  leaving: boolean;
  silenceMs: number;
  /** Finds out now whether the line is dead. */
  check(): void;
  close(): undefined;
}

export interface LinkBlock {
  readonly cursor: string;
  readonly channel: string;
  readonly event: string;
  readonly data: string;
}

export interface LinkEnd {
  readonly error: ErrorRecord;
  readonly waitMs?: number | undefined;
  /** The channels that the server's refusal is about, if it says. */
  readonly channels?: unknown;
}

export interface LinkHandlers {
  /** It is open: where "from now on" starts, and the channels that the server granted. */
  onHello: (link: Link, head: string, channels: unknown) => void;
  onBlock: (link: Link, block: LinkBlock) => void;
  onRetry: (retryMs: number) => void;
  /** Not called after `close`. */
  onEnd: (link: Link, end: LinkEnd) => void;
}

/** How many heartbeats may be missed, and how often they come unless `hello` tells. */
const SILENT_HEARTBEATS = 2.5;
const HEARTBEAT_MS = 15_000;

let links = 0;

/** Asks for the event stream of `keys` after `from` (a cursor `latest`, `earliest`, or empty: from now on). */
export function openLink(
  keys: Iterable<string>,
  from: string,
  refused: boolean,
  options: LinkOptions & LinkHandlers,
): Link {
  let over = false;
  let abort = (): void => {};
  const link: Link = {
    id: `${Date.now().toString(36)}-${links++}`,
    keys: new Set(keys),
    from,
    cursor: "",
    atHead: false,
    leaving: false,
    silenceMs: HEARTBEAT_MS * SILENT_HEARTBEATS,
    check: () => watchdog.check(),
    close() {
      over = true;
      watchdog.stop();
      abort();
    },
  };
  const end = (reason: LinkEnd): void => {
    if (over) return;
    link.close();
    options.onEnd(link, reason);
  };
  const watchdog = createWatchdog(options.connectTimeoutMs, () =>
    end({
      error: { code: "STREAM_SILENT", message: "Nothing came in time; the line counts as dead." },
    }),
  );

  const onEvent = (event: string, data: string, id: string): void => {
    if (over) return;
    const cursor = toCursor(id);
    if (event === "hello") {
      const { heartbeatMs = HEARTBEAT_MS, head = cursor, channels } = JSON.parse(data);
      link.cursor = cursor;
      link.from ||= cursor;
      watchdog.limit((link.silenceMs = heartbeatMs * SILENT_HEARTBEATS));
      options.onHello(link, head, channels);
    } else if (link.cursor) {
      const at = id.indexOf("@");
      options.onBlock(link, {
        cursor,
        channel: at < 0 ? "default" : id.slice(at + 1),
        event,
        data,
      });
    }
  };

  const answered = async (response: Response): Promise<LinkEnd> => {
    const { status, headers } = response;
    const message = `${options.url} answered ${status}`;
    if (isRetryable(status)) {
      const error = { code: "STREAM_LOST", message, status } as const;
      return { error, waitMs: retryAfterMs(headers) };
    }
    // The watchdog still runs, so a body without end does not hold this up for ever.
    const problem = await response.json().catch(() => ({}));
    const reason = status === 200 ? headers.get("content-type") : problem.detail;
    return {
      error: { code: "STREAM_REFUSED", message: `${message}: ${reason}`, status, cause: problem },
      channels: problem.channels,
    };
  };

  const start = async (): Promise<void> => {
    let address: URL;
    let headers: Record<string, string>;
    try {
      address = new URL(options.url, globalThis.location?.href);
    } catch {
      const message = `\`url\` ("${options.url}") must be absolute outside a page.`;
      return end({ error: { code: "INVALID_URL", message } });
    }
    for (const key of link.keys) address.searchParams.append("channel", key);
    try {
      headers = { Accept: "text/event-stream", ...(await options.headers(refused)) };
    } catch (error) {
      return end({ error: { code: "TOKEN_FAILED", message: String(error) } });
    }
    if (over) return;
    if (isOwnStart(from)) address.searchParams.set("from", from);
    else if (from) headers["Last-Event-ID"] = from;
    abort = openStream(
      options.fetch,
      address.href,
      { headers, credentials: options.withCredentials ? "include" : "same-origin" },
      {
        onOpen() {},
        onBytes: () => watchdog.heard(),
        onRetry: options.onRetry,
        onEvent,
        async onEnd({ response, error }) {
          end(
            response
              ? await answered(response)
              : { error: { code: "STREAM_LOST", message: String(error ?? "The stream ended.") } },
          );
        },
      },
    );
  };
  void start();
  return link;
}
