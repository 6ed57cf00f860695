import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import {
  parseResponse,
  type ReceivedEvent,
  requestStream,
  type StreamRequestOptions,
} from "./stream-response.ts";

export interface NextOptions {
  /** The longest wait. @default 15_000 */
  readonly timeoutMs?: number;
}

/** `end`: the server ended it. `cut`: the connection broke. `destroyed`: the test disconnected. */
export type StreamEnd = "end" | "cut" | "destroyed";

export interface EventStream extends AsyncDisposable {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Every event so far, in order. */
  readonly events: readonly ReceivedEvent[];
  /** What a browser would send as `Last-Event-ID` now. */
  readonly lastEventId: string;
  /** The last `retry:` in milliseconds. */
  readonly retryMs: number | undefined;
  /** How the stream ended. */
  readonly closed: Promise<StreamEnd>;
  /**
   * The next event of this type, or the next that the predicate accepts. Each call continues after
   * the event that the last one returned; skipped events stay in `events`.
   *
   * @throws Error when none arrives in time, or when the stream ends first.
   */
  next(
    wanted?: string | ((event: ReceivedEvent) => boolean),
    options?: NextOptions,
  ): Promise<ReceivedEvent>;
  /** Stops reading: the buffers on the way fill up, as with a stalled client. */
  pause(): void;
  resume(): void;
  /** Resets the connection immediately. */
  destroy(): void;
}

/**
 * Opens an event stream over a socket of its own and reads it. Rejects unless the status is 200.
 *
 * @example
 * await using stream = await openStream(`${app.url}/api/sse`, { lastEventId });
 * const hello = await stream.next("hello");
 */
export async function openStream(
  url: string,
  options: StreamRequestOptions = {},
): Promise<EventStream> {
  return read(await requestStream(url, options));
}

function read(response: IncomingMessage): EventStream {
  const events: ReceivedEvent[] = [];
  const waiting = new Set<() => void>();
  let taken = 0;
  let lastEventId = "";
  let retryMs: number | undefined;
  let over: StreamEnd | undefined;
  let isDestroyed = false;

  const wake = (): void => {
    for (const look of waiting) look();
  };
  const body = parseResponse(response, {
    onEvent(event) {
      lastEventId = event.id ?? lastEventId;
      events.push(event);
      wake();
    },
    onRetry: (ms) => (retryMs = ms),
  });

  const closed = new Promise<StreamEnd>((resolve) => {
    response.once("close", () => {
      over = isDestroyed ? "destroyed" : response.complete ? "end" : "cut";
      resolve(over);
      wake();
    });
  });

  const stream: EventStream = {
    status: response.statusCode ?? 0,
    headers: response.headers,
    events,
    closed,
    get lastEventId() {
      return lastEventId;
    },
    get retryMs() {
      return retryMs;
    },
    async next(wanted, { timeoutMs = 15_000 } = {}) {
      return new Promise((resolve, reject) => {
        const settle = (act: () => void): void => {
          clearTimeout(timer);
          waiting.delete(look);
          act();
        };
        const fail = (why: string): void =>
          settle(() => reject(new Error(`${why} ${describe(wanted)}. ${summary(events)}`)));
        const look = (): void => {
          while (taken < events.length) {
            const event = events[taken++];
            if (event !== undefined && matches(event, wanted)) return settle(() => resolve(event));
          }
          if (over !== undefined) fail(`The stream was over (${over}) before`);
        };
        const timer = setTimeout(() => fail(`Waited ${timeoutMs} ms for`), timeoutMs);
        waiting.add(look);
        look();
      });
    },
    pause: () => void body.pause(),
    resume: () => void body.resume(),
    destroy() {
      isDestroyed = true;
      response.socket.resetAndDestroy();
    },
    async [Symbol.asyncDispose]() {
      if (over === undefined) stream.destroy();
      await closed;
    },
  };
  return stream;
}

type Wanted = Parameters<EventStream["next"]>[0];

function matches(event: ReceivedEvent, wanted: Wanted): boolean {
  if (wanted === undefined) return true;
  return typeof wanted === "string" ? event.event === wanted : wanted(event);
}

function describe(wanted: Wanted): string {
  if (wanted === undefined) return "an event";
  return typeof wanted === "string"
    ? `an event of type ${wanted}`
    : `an event for which ${String(wanted)}`;
}

function summary(events: readonly ReceivedEvent[]): string {
  const last = events
    .slice(-10)
    .map(({ event, id, data }) => `${event} ${id} ${data.slice(0, 200)}`);
  return [`${events.length} events arrived, the last of them:`, ...last].join("\n  ");
}
