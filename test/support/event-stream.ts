import { type IncomingHttpHeaders, type IncomingMessage, get } from "node:http";
import { constants, createGunzip } from "node:zlib";
import { createParser } from "eventsource-parser";

/** One dispatched event, as a browser would hand it to a listener. */
export interface ReceivedEvent {
  /** The event's type; `message` when the block names none. */
  readonly event: string;
  /** The block's own id; undefined when it carries none. */
  readonly id: string | undefined;
  readonly data: string;
  /** When it was parsed, in milliseconds since the epoch, with fractions. */
  readonly receivedAt: number;
  json(): unknown;
}

export interface StreamOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly lastEventId?: string;
  /** Asks for gzip, as every browser does, and decodes it. @default false */
  readonly gzip?: boolean;
  /** How long the answer's headers may take. @default 10_000 */
  readonly timeoutMs?: number;
}

export interface NextOptions {
  /** When to give up. @default 15_000 */
  readonly timeoutMs?: number;
}

/** `end`: the server ended it. `cut`: the connection broke. `destroyed`: this side left. */
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
  /** Resolves when the stream is over, and says how. */
  readonly closed: Promise<StreamEnd>;
  /**
   * The next event not yet taken by `next` that is of the wanted type or meets the predicate;
   * those before it are passed over (and stay in `events`).
   *
   * @throws Error when none comes in time, or the stream is over.
   */
  next(
    wanted?: string | ((event: ReceivedEvent) => boolean),
    options?: NextOptions,
  ): Promise<ReceivedEvent>;
  /** Stops reading: the buffers on the way fill up, as with a stalled client. */
  pause(): void;
  resume(): void;
  /** Resets the connection at once, without a farewell. */
  destroy(): void;
}

/**
 * Opens an event stream over a plain socket of its own and reads it. Rejects unless the answer is 200.
 *
 * @example
 * await using stream = await openStream(`${app.url}/api/sse`, { lastEventId });
 * const hello = await stream.next("hello");
 */
export async function openStream(url: string, options: StreamOptions = {}): Promise<EventStream> {
  const response = await respond(url, options);
  if (response.statusCode !== 200) {
    let body = "";
    for await (const chunk of response.setEncoding("utf8")) body += String(chunk);
    throw new Error(`GET ${url} answered ${response.statusCode}: ${body}`);
  }
  return read(response);
}

async function respond(url: string, options: StreamOptions): Promise<IncomingMessage> {
  const { lastEventId, gzip = false, timeoutMs = 10_000 } = options;
  return new Promise((resolve, reject) => {
    const request = get(url, {
      agent: false,
      headers: {
        Accept: "text/event-stream",
        ...(gzip ? { "Accept-Encoding": "gzip" } : {}),
        ...(lastEventId === undefined ? {} : { "Last-Event-ID": lastEventId }),
        ...options.headers,
      },
    });
    const timer = setTimeout(
      () => request.destroy(new Error(`GET ${url} sent no headers in ${timeoutMs} ms`)),
      timeoutMs,
    );
    request.once("error", reject);
    request.once("close", () => clearTimeout(timer));
    request.once("response", (response) => {
      clearTimeout(timer);
      request.off("error", reject);
      // A reset connection is told by the response too, which is where `closed` hears of it.
      request.on("error", () => {});
      resolve(response);
    });
  });
}

function read(response: IncomingMessage): EventStream {
  const events: ReceivedEvent[] = [];
  const waiting = new Set<() => void>();
  let taken = 0;
  let lastEventId = "";
  let retryMs: number | undefined;
  let over: StreamEnd | undefined;
  let left = false;

  const wake = (): void => {
    for (const look of waiting) look();
  };
  const parser = createParser({
    onEvent({ event = "message", id, data }) {
      lastEventId = id ?? lastEventId;
      const receivedAt = performance.timeOrigin + performance.now();
      events.push({ event, id, data, receivedAt, json: () => JSON.parse(data) });
      wake();
    },
    onRetry: (ms) => (retryMs = ms),
  });

  const gzipped = response.headers["content-encoding"] === "gzip";
  const body = gzipped
    ? response.pipe(createGunzip({ finishFlush: constants.Z_SYNC_FLUSH }))
    : response;
  body.setEncoding("utf8").on("data", (text: string) => parser.feed(text));

  const closed = new Promise<StreamEnd>((resolve) => {
    response.on("error", () => {});
    response.once("close", () => {
      over = left ? "destroyed" : response.complete ? "end" : "cut";
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
      left = true;
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
  return [`${events.length} events came, the last of them:`, ...last].join("\n  ");
}
