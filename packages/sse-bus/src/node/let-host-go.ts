import { getEventListeners } from "node:events";
import type { ServerResponse } from "node:http";
import type { CloseListener } from "./exchange.ts";

/**
 * Tells the host of a response that its client has left, so that it lets go of all that it keeps for
 * the request; the response itself stays open, and its owner ends it with `end()`.
 *
 * Next awaits the end of the body in some twenty async functions, one inside the other: 60 KB of
 * promises and closures that live as long as the stream (docs/performance.md). `close` is what they
 * wait for. The host then destroys the response, and with it the socket: not if the response has been
 * destroyed before, while it had none. Where Node has no such methods (they are public, but not in
 * its manual), nothing is let go of.
 *
 * @param watchers Listeners of `close` that are not the host's: they are told when it is true.
 */
export function letHostGo(response: ServerResponse, watchers: readonly CloseListener[]): boolean {
  const { socket } = response;
  if (!socket) return false;
  response.destroyed = true;
  // Some may have stopped listening.
  const listeners = response.rawListeners("close") as CloseListener[];
  const watching = listeners.filter((listener) => watchers.includes(listener));
  for (const watcher of watching) response.off("close", watcher);
  withoutStacks(() => response.emit("close"));
  forgetHost(response);
  for (const watcher of watching) response.on("close", watcher);
  return true;
}

/** The host makes errors of it that nobody sees; their stacks would be a third of the cost. */
function withoutStacks(run: () => void): void {
  const { stackTraceLimit } = Error;
  // `Reflect`, as an assignment throws where a program has frozen it.
  Reflect.set(Error, "stackTraceLimit", 0);
  try {
    run();
  } finally {
    Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  }
}

/** Whether anybody but the sink itself waits for the end of the request, as presence lists do. */
export function isAwaited(signal: AbortSignal): boolean {
  return getEventListeners(signal, "abort").length > 0;
}

/** What Next 16 has hung on the exchange would keep half of it, and serves nobody any more. */
function forgetHost(response: ServerResponse): void {
  // Whoever was told that it is closed would be told again when it is.
  response.removeAllListeners("close");
  // Wrappers of the response's own methods (cookies, compression) give way to what they wrap. Deleted
  // properties would make a dictionary of the response, of 3 KB.
  const own = response as unknown as Record<string, unknown>;
  const pristine = Object.getPrototypeOf(response) as Record<string, unknown>;
  for (const name of WRAPPED) if (Object.hasOwn(own, name)) own[name] = pristine[name];
  const request = response.req as unknown as Record<symbol, unknown>;
  if (request[NEXT_REQUEST_META]) request[NEXT_REQUEST_META] = undefined;
}

const WRAPPED = ["write", "end", "writeHead", "setHeader", "flush", "on"];
const NEXT_REQUEST_META = Symbol.for("NextInternalRequestMeta");
