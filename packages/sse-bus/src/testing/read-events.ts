import { isEventStream } from "../client/answer.ts";
import { createEventStreamParser } from "../client/event-stream.ts";
import { inTime } from "./in-time.ts";

/** One event of a stream, as a browser dispatches it. */
export interface StreamEvent {
  /** Its type; `message` if the block has none. */
  readonly event: string;
  /** The last event id after this block. */
  readonly id: string;
  /** The channel in the id; `default` if it has none. */
  readonly channel: string;
  readonly data: string;
  /** Parses the data as JSON; returns the string itself if it was published as `raw`. */
  json(): unknown;
}

/** A type, or a function that recognizes the event. */
export type WantedEvent = string | ((event: StreamEvent) => boolean);

/** An event stream, read one event at a time, and only on request. */
export interface EventReader extends AsyncIterable<StreamEvent>, AsyncDisposable {
  readonly response: Response;
  /** What a browser would send as `Last-Event-ID` now. */
  readonly lastEventId: string;
  /** What the last `retry:` asked for. */
  readonly retryMs: number | undefined;
  /**
   * The next event, or the next one that is wanted; those before it are passed over.
   *
   * @throws Error when none comes in time, or the stream ends before
   */
  next(wanted?: WantedEvent, options?: { readonly timeoutMs?: number }): Promise<StreamEvent>;
  /** Leaves the stream. Idempotent. */
  close(): Promise<void>;
}

/** Settings of {@link readEvents}. */
export interface ReadEventsOptions {
  /** Headers of the request, for example `Last-Event-ID`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Makes the request. @default fetch */
  readonly fetch?: typeof globalThis.fetch;
  /** How long the answer, and each event, may take, in ms of real time. @default 5_000 */
  readonly timeoutMs?: number;
}

/**
 * Reads the events of a stream: of a URL, or of the `Response` that your route handler returned.
 *
 * @throws Error when the answer is no event stream: with its status and body
 *
 * @example
 * ```ts
 * const route = createSseRoute({ bus });
 * await using events = await readEvents(await route.GET(new Request("http://test/api/sse")));
 * await events.next("hello");
 * await bus.publish({ total: 42 });
 * expect((await events.next("message")).json()).toEqual({ total: 42 });
 * ```
 */
export async function readEvents(
  source: Response | URL | string,
  options: ReadEventsOptions = {},
): Promise<EventReader> {
  const { timeoutMs = 5_000 } = options;
  const response =
    typeof source === "object" && "headers" in source
      ? source
      : await request(source, options, timeoutMs);
  if (!isEventStream(response) || !response.body) {
    const type = response.headers.get("content-type");
    throw new Error(`No event stream: ${response.status} ${type}: ${await response.text()}`);
  }
  return readBody(response, response.body.getReader(), timeoutMs);
}

async function request(
  url: URL | string,
  { headers, fetch = globalThis.fetch }: ReadEventsOptions,
  timeoutMs: number,
): Promise<Response> {
  const controller = new AbortController();
  const { signal } = controller;
  const answer = fetch(url, { signal, headers: { Accept: "text/event-stream", ...headers } });
  try {
    return await inTime(answer, timeoutMs, () => `${url} did not answer within ${timeoutMs} ms`);
  } catch (error) {
    controller.abort();
    throw error;
  }
}

function readBody(
  response: Response,
  body: ReadableStreamDefaultReader<Uint8Array>,
  defaultMs: number,
): EventReader {
  const queue: StreamEvent[] = [];
  const passed: string[] = [];
  let lastEventId = "";
  let retryMs: number | undefined;
  let isOver = false;
  /** The read under way; it outlives a `next` that gave up. */
  let reading: Promise<void> | undefined;

  const feed = createEventStreamParser(
    (event, data, id) => {
      lastEventId = id;
      if (data === undefined) return;
      const [, channel = "default", form] = id.split("@");
      const json = (): unknown => (form === "raw" ? data : JSON.parse(data));
      queue.push({ event, id, channel, data, json });
    },
    (ms) => (retryMs = ms),
  );

  const read = async (): Promise<void> => {
    try {
      const { done, value } = await body.read();
      if (done) isOver = true;
      else feed(value);
    } finally {
      reading = undefined;
    }
  };

  /** The next event, unless it is not wanted any more. */
  const take = async (isLate: () => boolean): Promise<StreamEvent | undefined> => {
    while (queue.length === 0 && !isOver && !isLate()) await (reading ??= read());
    const event = isLate() ? undefined : queue.shift();
    if (event) passed.push(`${event.event} ${event.id} ${event.data.slice(0, 200)}`);
    return event;
  };

  const seen = (): string => ["Events so far:", ...passed.slice(-10)].join("\n  ");

  const close = async (): Promise<void> => {
    isOver = true;
    await body.cancel().catch(() => {});
  };

  return {
    response,
    get lastEventId() {
      return lastEventId;
    },
    get retryMs() {
      return retryMs;
    },
    async next(wanted, { timeoutMs = defaultMs } = {}) {
      const what = typeof wanted === "string" ? `"${wanted}"` : (wanted ?? "an event").toString();
      let isLate = false;
      const find = async (): Promise<StreamEvent> => {
        for (;;) {
          const event = await take(() => isLate);
          if (!event) throw new Error(`The stream ended before ${what}. ${seen()}`);
          if (matches(event, wanted)) return event;
        }
      };
      return inTime(find(), timeoutMs, () => {
        isLate = true;
        return `Waited ${timeoutMs} ms for ${what}. ${seen()}`;
      });
    },
    close,
    async *[Symbol.asyncIterator]() {
      const never = (): boolean => false;
      for (let event = await take(never); event; event = await take(never)) yield event;
    },
    [Symbol.asyncDispose]: close,
  };
}

function matches(event: StreamEvent, wanted: WantedEvent | undefined): boolean {
  if (wanted === undefined) return true;
  return typeof wanted === "string" ? event.event === wanted : wanted(event);
}
