import type { IncomingMessage, Server, ServerResponse } from "node:http";

import { nextOrigin } from "./undocumented/next-internals.ts";

/** The raw request and response of `node:http` that a web-standard handler is being run for. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /**
   * Listeners of the response's `close` that were added before Next received it: programs that watch
   * requests, which must see `close` only when the client has really disconnected. `undefined` where they
   * cannot be distinguished from Next's, as in a custom server, which adds its own as late as Next does.
   */
  watchers?: readonly CloseListener[];
}

/** As `rawListeners` gives it: with the wrapper of `once`. */
export type CloseListener = (...args: unknown[]) => void;

/** What Node publishes on `http.server.request.start` for each request, before it emits it. */
export interface Announcement {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly server: Server;
}

/** The part of `AsyncLocalStorage` that is needed; the instance is shared by all bundles. */
interface Storage {
  getStore(): Exchange | undefined;
  enterWith(exchange: Exchange): void;
}

const STORAGE: unique symbol = Symbol.for("sse-bus.exchange");

/**
 * Makes {@link currentExchange} work from the next request on: Node publishes each request with its raw
 * response on `http.server.request.start`, and all code that runs for it inherits the async context. Uses
 * documented Node APIs only (node:diagnostics_channel, AsyncLocalStorage). Idempotent.
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
  const seen = new WeakSet<Server>();
  const findWatchers = (_: IncomingMessage, response: ServerResponse): void => {
    const exchange = storage.getStore();
    if (exchange?.response !== response) return;
    exchange.watchers = response.rawListeners("close") as CloseListener[];
  };
  subscribe("http.server.request.start", (message) => {
    const { request, response, server } = message as Announcement;
    storage.enterWith({ request, response });
    if (seen.has(server)) return;
    seen.add(server);
    // After all subscribers of this channel, and before Next's listener.
    if (nextOrigin() !== undefined) server.prependListener("request", findWatchers);
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
