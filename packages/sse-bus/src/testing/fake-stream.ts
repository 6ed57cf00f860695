import { topicCovers } from "../core/channel-name.ts";
import type { ByeReason } from "../http/connections.ts";
import type { Gap } from "../core/packet.ts";
import { errorPage } from "../core/error-page.ts";
import { encodeJson } from "../core/json.ts";
import { assertRawData, toDataLines } from "../core/raw.ts";
import { formatCursor } from "../core/position.ts";
import { createFakeBody, type FakeBody } from "./fake-body.ts";
import { type FakeRequest, readRequest } from "./fake-request.ts";
import { inTime } from "./in-time.ts";

/** Fields of `hello` besides the channels and the cursor of the request. */
export interface FakeHello {
  /** What is granted. @default all that was asked for */
  readonly channels?: readonly string[];
  /** The cursor that the stream starts from. @default that of the request, else the head */
  readonly cursor?: string;
  /** Where "from now on" is. @default the head */
  readonly head?: string;
  readonly resumed?: boolean;
  /** @default 15_000 */
  readonly heartbeatMs?: number;
  /** How long a client waits before it comes again, on top of its own backoff. @default 0 */
  readonly retryMs?: number;
}

/** A refusal, as problem details (RFC 9457). */
export interface FakeRefusal {
  readonly code?: string;
  readonly detail?: string;
  /** For example `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a message can be beside its data. */
export interface FakeMessage {
  /** @default "default" */
  readonly channel?: string;
  /** @default "message" */
  readonly event?: string;
  /** The data, a string, is sent as it is instead of as JSON. @default false */
  readonly raw?: boolean;
  /** The cursor that it moves the stream to. @default the next one */
  readonly cursor?: string;
}

/**
 * A server's side of event streams, driven by hand. `fetch` and `url` go to the client; everything
 * else says what it is answered. What sends resolves once the client has read it and asks for more:
 * `createSseClient` and `SseEventSource` have called their listeners by then.
 */
export interface FakeStream extends Disposable {
  readonly url: string;
  readonly fetch: typeof globalThis.fetch;
  /** All requests so far. */
  readonly requests: readonly FakeRequest[];
  /** How many streams are open. */
  readonly open: number;
  /** What a server would give as `await bus.cursor()` now. */
  readonly cursor: string;
  /** Opens a stream: answers the oldest request that waits, or the next one to come. */
  hello(options?: FakeHello): Promise<FakeRequest>;
  /** Refuses that request. */
  refuse(status: number, options?: FakeRefusal): Promise<FakeRequest>;
  /** Lets that request fail as it does without a network. */
  fail(): Promise<FakeRequest>;
  /**
   * Sends a message on all open streams that carry its channel.
   *
   * @returns its id
   * @throws Error when there is none
   */
  message(data: unknown, options?: FakeMessage): Promise<string>;
  /** Sends a heartbeat. */
  ping(): Promise<void>;
  /** Reports a loss, of all channels unless some are named. */
  gap(gap?: Partial<Gap>): Promise<void>;
  /** Says goodbye, and ends all open streams. */
  bye(reason?: ByeReason, retryMs?: number): Promise<void>;
  /** Sends text as it is: what another server might. */
  write(text: string): Promise<void>;
  /** Ends all open streams without a word. */
  end(): void;
  /** Breaks all open streams, as a lost network does. */
  cut(): void;
  /** Breaks everything; requests that wait, too. Idempotent. */
  close(): void;
}

/** Settings of {@link createFakeStream}. */
export interface FakeStreamOptions {
  /** @default "http://sse.test/api/sse" */
  readonly url?: string;
  /** How long `hello`, `refuse` and `fail` wait for a request, in ms of real time. @default 5_000 */
  readonly timeoutMs?: number;
}

interface Waiting {
  readonly request: FakeRequest;
  readonly answer: (response: Response) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * Makes a {@link FakeStream}: for tests of what a page does when the server says, or does not say,
 * just this.
 *
 * @example
 * ```ts
 * using stream = createFakeStream();
 * using client = createSseClient({ url: stream.url, fetch: stream.fetch });
 * client.subscribe("orders/42", (order) => console.log(order));
 * await stream.hello();
 * await stream.message({ total: 42 }, { channel: "orders/42" });
 * stream.cut();
 * console.log(client.status); // "reconnecting", a turn later
 * ```
 */
export function createFakeStream(options: FakeStreamOptions = {}): FakeStream {
  const { url = "http://sse.test/api/sse", timeoutMs = 5_000 } = options;
  const requests: FakeRequest[] = [];
  const waiting: Waiting[] = [];
  const bodies = new Set<FakeBody>();
  /** Calls that wait for a request, the oldest first. */
  const takers = new Set<(one: Waiting) => void>();
  let seq = 1;

  const cursorNow = (): string => formatCursor({ seq, time: Date.now() }, "fake");

  const fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const signal = init?.signal;
    signal?.throwIfAborted();
    const request = readRequest(input, init);
    requests.push(request);
    return new Promise<Response>((resolve, reject) => {
      const one: Waiting = { request, answer: resolve, fail: reject };
      const [taker] = takers;
      if (taker) {
        takers.delete(taker);
        taker(one);
      } else {
        waiting.push(one);
      }
      signal?.addEventListener("abort", () => {
        if (waiting.includes(one)) waiting.splice(waiting.indexOf(one), 1);
        reject(signal.reason as Error);
        for (const body of bodies) if (body.request === request) body.break(signal.reason);
      });
    });
  };

  /** The oldest request that waits, or the next one to come. */
  const take = async (): Promise<Waiting> => {
    const one = waiting.shift();
    if (one) return one;
    let taker: (one: Waiting) => void;
    const come = new Promise<Waiting>((resolve) => takers.add((taker = resolve)));
    return inTime(come, timeoutMs, () => {
      takers.delete(taker);
      return `No request came within ${timeoutMs} ms`;
    });
  };

  const send = async (text: string, to: Iterable<FakeBody> = bodies): Promise<void> => {
    await Promise.all([...to].map((body) => body.write(text)));
  };

  const breakAll = (): void => {
    for (const body of bodies) body.break(new TypeError("The connection was lost"));
  };

  const close = (): void => {
    for (const { fail } of waiting.splice(0)) fail(new TypeError("The fake stream was closed"));
    breakAll();
  };

  return {
    url,
    fetch,
    requests,
    get open() {
      return bodies.size;
    },
    get cursor() {
      return cursorNow();
    },
    async hello({ retryMs = 0, heartbeatMs = 15_000, ...told } = {}) {
      const { request, answer } = await take();
      const isCursor = request.from?.includes("-") === true;
      const cursor = told.cursor ?? (isCursor ? request.from : cursorNow());
      const { channels = request.channels, head = cursorNow(), resumed = isCursor } = told;
      const connection = `fake-${requests.indexOf(request) + 1}`;
      const data = { connection, channels, cursor, head, resumed, heartbeatMs };
      const body = createFakeBody(request, channels, () => bodies.delete(body));
      bodies.add(body);
      answer(new Response(body.stream, { headers: { "Content-Type": "text/event-stream" } }));
      await body.write(`retry: ${retryMs}\n${block(cursor, "hello", JSON.stringify(data))}`);
      return request;
    },
    async refuse(status, { code, detail, headers } = {}) {
      const { request, answer } = await take();
      const page = code === undefined ? "about:blank" : errorPage(code);
      const problem = { type: page, title: "Refused", status, code, detail };
      const type = { "Content-Type": "application/problem+json" };
      // These must not have a body (RFC 9110 §15.3.5, §15.4.5).
      const body = status === 204 || status === 304 ? null : JSON.stringify(problem);
      answer(new Response(body, { status, headers: { ...type, ...headers } }));
      return request;
    },
    async fail() {
      const { request, fail } = await take();
      fail(new TypeError("The connection was lost"));
      return request;
    },
    async message(data, { channel = "default", event = "message", raw = false, cursor } = {}) {
      const carrying = [...bodies].filter(({ channels }) =>
        channels.some((topic) => topicCovers(topic, channel)),
      );
      if (carrying.length === 0) throw new Error(nobodyReads(channel, bodies));
      const text = raw ? rawLines(data) : encodeJson(data);
      seq++;
      const at = cursor ?? cursorNow();
      const suffix = raw ? `@${channel}@raw` : channel === "default" ? "" : `@${channel}`;
      await send(block(at + suffix, event, text), carrying);
      return at + suffix;
    },
    ping: async () => send(block(cursorNow(), "ping", `{"time":${Date.now()}}`)),
    async gap(gap = {}) {
      const write = async (body: FakeBody): Promise<void> => {
        const told = JSON.stringify({ channels: body.channels, reason: "evicted", ...gap });
        await body.write(block(cursorNow(), "gap", told));
      };
      await Promise.all([...bodies].map(write));
    },
    async bye(reason = "drain", retryMs = 0) {
      const data = JSON.stringify({ reason, retryMs });
      const ending = [...bodies];
      await send(`retry: ${retryMs}\nevent: bye\ndata: ${data}\n\n`, ending);
      for (const body of ending) body.end();
    },
    write: async (text) => send(text),
    end() {
      for (const body of bodies) body.end();
    },
    cut: breakAll,
    close,
    [Symbol.dispose]: close,
  };
}

function rawLines(data: unknown): string {
  assertRawData(data);
  return toDataLines(data);
}

function block(id: string, event: string, data: string): string {
  const type = event === "message" ? "" : `event: ${event}\n`;
  return `id: ${id}\n${type}data: ${data}\n\n`;
}

function nobodyReads(channel: string, bodies: Iterable<FakeBody>): string {
  const carried = [...bodies].flatMap(({ channels }) => channels);
  const open = carried.length > 0 ? `open are ${carried.join(", ")}` : "none is open: say hello()";
  return `No stream carries "${channel}"; ${open}`;
}
