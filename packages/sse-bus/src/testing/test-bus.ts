import { createBus } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import type { ByeReason } from "../http/connections.ts";
import { routeContext } from "../http/route-context.ts";
import { createStreamHandler } from "../http/stream-handler.ts";
import type { StreamOptions } from "../http/stream-options.ts";
import { createCuttableBody } from "./cuttable-body.ts";

/** Settings of {@link createTestBus}: the bus, and those of the route; `retryMs` is 1 and `drainRetryMs` 0 unless given. */
export interface TestBusOptions<B extends object = Bus> extends StreamOptions {
  /** Your own, for its types, schemas and limits; it stays open. @default a new one, in memory */
  readonly bus?: B;
}

/** A bus and its event-stream route, in this process. */
export interface TestBus<B extends object = Bus> extends AsyncDisposable {
  readonly bus: B;
  /** For the client: `createSseClient({ url, fetch })`, `<SseProvider url fetch>`, `readEvents(url, { fetch })`. */
  readonly url: string;
  readonly fetch: typeof globalThis.fetch;
  /** How many requests came. */
  readonly requests: number;
  /** How many streams are open. */
  readonly open: number;
  /** Breaks all open streams and long polls, as a lost network does. */
  cut(): void;
  /** Ends all open streams with a `bye`, as a server does. */
  end(reason: ByeReason, retryMs?: number): void;
  /** Ends everything; the bus, too, if it made it. Idempotent. */
  close(): Promise<void>;
}

const HOST = { socketIp: () => undefined, trustedProxies: 0 };

/**
 * The real bus behind the real route, reached through a `fetch` of its own: tests of components run
 * against what runs in production, without a server or a port.
 *
 * @example
 * ```ts
 * await using server = createTestBus({ authorize: ({ channels }) => !channels.includes("secret") });
 * using client = createSseClient({ url: server.url, fetch: server.fetch });
 * client.subscribe("orders/42", (order) => console.log(order));
 * await waitForStatus(client, "open");
 * await server.bus.publish({ total: 42 }, { channel: "orders/42" });
 * ```
 */
export function createTestBus<B extends object = Bus>(options: TestBusOptions<B> = {}): TestBus<B> {
  const { bus: given, ...streamOptions } = options;
  const bus = given ?? createBus();
  const context = routeContext(bus);
  const handle = createStreamHandler(
    context,
    { retryMs: 1, drainRetryMs: 0, ...streamOptions },
    HOST,
  );
  const cuts = new Set<(error: unknown) => void>();
  /** Of requests without an answer. */
  const waiting = new Set<(error: unknown) => void>();
  let requests = 0;

  const fetch = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    requests++;
    const { signal, ...rest } = init;
    signal?.throwIfAborted();
    // The page's signal may be of another make than the Request, as in jsdom; and the page does not
    // see the server's end of the line.
    const gone = new AbortController();
    const request = new Request(input, rest);
    Object.defineProperty(request, "signal", { value: gone.signal });
    const response = await new Promise<Response>((resolve, reject) => {
      // A long poll waits here.
      const cut = (error: unknown): void => {
        gone.abort();
        reject(error);
      };
      const onAbort = (): void => cut(signal?.reason);
      const onAnswer = (): void => {
        waiting.delete(cut);
        signal?.removeEventListener("abort", onAbort);
      };
      waiting.add(cut);
      signal?.addEventListener("abort", onAbort);
      handle(request).then(resolve, reject).finally(onAnswer);
    });
    if (!response.body) return response;
    const [body, cut] = createCuttableBody(response.body, () => {
      cuts.delete(cut);
      gone.abort();
    });
    cuts.add(cut);
    if (signal?.aborted) cut(signal.reason);
    signal?.addEventListener("abort", () => cut(signal.reason));
    return new Response(body, { status: response.status, headers: response.headers });
  };

  const cutAll = (): void => {
    for (const cut of [...cuts, ...waiting]) cut(new TypeError("The connection was lost"));
  };

  const close = async (): Promise<void> => {
    cutAll();
    if (!given) await (bus as Bus).close();
  };

  return {
    bus: bus as B,
    url: "http://sse.test/api/sse",
    fetch,
    get requests() {
      return requests;
    },
    get open() {
      return cuts.size;
    },
    cut: cutAll,
    end(reason, retryMs = 0) {
      for (const connection of context.connections.open) connection.end(reason, retryMs);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
