import { createBus } from "../../src/core/bus.ts";
import type { Bus, BusOptions } from "../../src/core/bus-types.ts";
import type { StreamOptions } from "../../src/http/stream-options.ts";
import { createTestBus, type TestBus } from "../../src/testing/test-bus.ts";

/** A test bus that can crash: the URL and `fetch` stay the same. */
export interface BusServer extends Omit<TestBus, "close"> {
  /** Responses to the next requests, instead of the route's. */
  readonly answers: (() => Response)[];
  /** Crashes and restarts with no data: every stream is cut, and the epoch is new. */
  restart(): Promise<void>;
}

export function startBusServer(
  streamOptions: StreamOptions,
  busOptions: BusOptions = {},
): BusServer {
  const start = (): TestBus => createTestBus({ bus: createBus(busOptions), ...streamOptions });
  const stop = async ({ bus, close }: TestBus): Promise<void> => {
    await close();
    await bus.close();
  };
  const answers: (() => Response)[] = [];
  let requests = 0;
  let server = start();

  return {
    url: server.url,
    answers,
    async fetch(input, init) {
      requests++;
      return answers.shift()?.() ?? server.fetch(input, init);
    },
    get bus(): Bus {
      return server.bus;
    },
    get open() {
      return server.open;
    },
    get requests() {
      return requests;
    },
    cut: () => server.cut(),
    end: (reason, retryMs) => server.end(reason, retryMs),
    async restart() {
      const old = server;
      server = start();
      await stop(old);
    },
    [Symbol.asyncDispose]: async () => stop(server),
  };
}
