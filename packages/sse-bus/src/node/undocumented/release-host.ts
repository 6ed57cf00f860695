import { getEventListeners } from "node:events";
import type { ServerResponse } from "node:http";
import type { CloseListener } from "../exchange.ts";
import { forgetNext } from "./next-internals.ts";

/**
 * Makes the host of a response release everything that it keeps for the request, as if the client had
 * disconnected. The response itself stays open, and its owner ends it with `end()`.
 *
 * Next awaits the end of the body in some twenty nested async functions: 60 KB of promises and closures that live
 * as long as the stream (docs/performance.md). They wait for `close`. The host then destroys the response, and with
 * it the socket, unless the response is marked as destroyed already. (Up to Node 22, `destroy()` on a response
 * without a socket has the same effect; since Node 24 it emits a `close` of its own in the next tick, which ended
 * every stream.)
 *
 * @param watchers Listeners of `close` that are not the host's: they are called at the real end.
 * @returns whether it could be done
 */
export function releaseHost(response: ServerResponse, watchers: readonly CloseListener[]): boolean {
  if (!response.socket) return false;
  response.destroyed = true;
  // Some watchers may have been removed.
  const listeners = response.rawListeners("close") as CloseListener[];
  const watching = listeners.filter((listener) => watchers.includes(listener));
  for (const watcher of watching) response.off("close", watcher);
  withoutStacks(() => response.emit("close"));
  // The host's listeners have been called, and must not be called again at the real end.
  response.removeAllListeners("close");
  forgetNext(response);
  for (const watcher of watching) response.on("close", watcher);
  return true;
}

/** The host creates errors that nobody sees. Their stack traces would be a third of the cost. */
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

/** Whether the application waits for the end of the request, as a presence list does. */
export function isAwaited(signal: AbortSignal): boolean {
  return getEventListeners(signal, "abort").length > 0;
}
