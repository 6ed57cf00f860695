import type { IncomingMessage, ServerResponse } from "node:http";

/** The raw request and response of `node:http` that a web-standard handler is being run for. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** The part of `AsyncLocalStorage` that is needed; the instance is shared by all bundles. */
interface Storage {
  getStore(): Exchange | undefined;
  enterWith(exchange: Exchange): void;
}

const STORAGE: unique symbol = Symbol.for("sse-bus.exchange");

/**
 * Makes {@link currentExchange} work from the next request on: Node announces each request on
 * `http.server.request.start` with its raw response, and whatever runs for it inherits the context.
 * Documented Node API only (node:diagnostics_channel, AsyncLocalStorage). Idempotent.
 */
export async function installExchange(): Promise<void> {
  const shared = globalThis as { [STORAGE]?: Storage };
  if (shared[STORAGE]) return;
  const [{ AsyncLocalStorage }, { subscribe }] = await Promise.all([
    import("node:async_hooks"),
    import("node:diagnostics_channel"),
  ]);
  const storage: Storage = new AsyncLocalStorage<Exchange>();
  shared[STORAGE] = storage;
  subscribe("http.server.request.start", (message) => {
    const { request, response } = message as Exchange;
    storage.enterWith({ request, response });
  });
}

/** The exchange this code runs for; `undefined` where it is not known. */
export function currentExchange(): Exchange | undefined {
  return (globalThis as { [STORAGE]?: Storage })[STORAGE]?.getStore();
}

/** The address at the other end of the socket this code runs for. */
export function currentSocketIp(): string | undefined {
  return currentExchange()?.request.socket.remoteAddress;
}
