import { createBus, internalsOf } from "../../src/core/bus.ts";
import type { Bus, BusOptions } from "../../src/core/bus-types.ts";
import { createStreamHandler, type StreamHandler } from "../../src/http/stream-handler.ts";
import type { StreamOptions } from "../../src/http/stream-options.ts";

/** The real bus behind the real handler, reached through a `fetch` of its own: no sockets, any clock. */
export interface BusServer extends AsyncDisposable {
  readonly url: string;
  readonly fetch: typeof globalThis.fetch;
  readonly bus: Bus;
  /** Responses that are open. */
  readonly open: number;
  /** Requests so far. */
  readonly requests: number;
  /** Answers the next requests in place of the handler. */
  readonly answers: (() => Response)[];
  /** Breaks every response, as a lost network does. */
  cut(): void;
  /** Ends every stream with a `bye`. */
  endAll(reason: "drain" | "lifetime"): void;
  /** Dies and comes back with nothing: all cut, another epoch. */
  restart(): Promise<void>;
}

const HOST = { socketIp: () => undefined, trustedProxies: 0 };

export function startBusServer(
  streamOptions: StreamOptions,
  busOptions: BusOptions = {},
): BusServer {
  const cuts = new Set<(error: Error) => void>();
  const answers: (() => Response)[] = [];
  let requests = 0;
  let bus!: Bus;
  let handle!: StreamHandler;

  const start = (): void => {
    bus = createBus(busOptions);
    handle = createStreamHandler(internalsOf(bus), streamOptions, HOST);
  };
  start();

  const fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    requests++;
    const answer = answers.shift();
    if (answer) return answer();
    const aborted = new AbortController();
    init?.signal?.addEventListener("abort", () => aborted.abort(init.signal?.reason));
    init?.signal?.throwIfAborted();
    const { headers = {} } = init ?? {};
    const response = await handle(new Request(input, { headers, signal: aborted.signal }));
    if (!response.body) return response;
    return new Response(breakable(response.body, aborted), response);
  };

  /** Passes a body on until it is cut or its reader leaves. */
  const breakable = (
    body: ReadableStream<Uint8Array>,
    aborted: AbortController,
  ): ReadableStream<Uint8Array> => {
    const reader = body.getReader();
    let failure: Error | undefined;
    const cut = (error: Error): void => {
      failure ??= error;
      cuts.delete(cut);
      // oxlint-disable-next-line promise/no-promise-in-callback -- `cut` is no callback
      void reader.cancel().catch(() => {});
    };
    cuts.add(cut);
    aborted.signal.addEventListener("abort", () => cut(new DOMException("Aborted", "AbortError")));
    return new ReadableStream(
      {
        async pull(controller) {
          const { done, value } = await reader.read();
          if (failure) controller.error(failure);
          else if (done) controller.close();
          else controller.enqueue(value);
          if (done) cuts.delete(cut);
        },
        cancel: () => cut(new Error("The reader left")),
      },
      { highWaterMark: 0 },
    );
  };

  return {
    url: "http://bus.test/api/sse",
    fetch,
    answers,
    get bus() {
      return bus;
    },
    get open() {
      return cuts.size;
    },
    get requests() {
      return requests;
    },
    cut() {
      for (const cut of cuts) cut(new TypeError("network error"));
    },
    endAll(reason) {
      for (const connection of internalsOf(bus).connections.open) connection.end(reason, 1);
    },
    async restart() {
      const old = bus;
      start();
      this.cut();
      await old.close();
    },
    async [Symbol.asyncDispose]() {
      await bus.close();
    },
  };
}
