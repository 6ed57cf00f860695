import { getEventListeners } from "node:events";
import type { ServerResponse } from "node:http";
import type { CloseListener } from "../exchange.ts";
import { forgetNext } from "./next-internals.ts";

/**
 * Tells the host of a response that its client has left, so that it releases all that it keeps for the
 * request; the response itself stays open, and its owner ends it with `end()`.
 *
 * Next awaits the end of the body in some twenty async functions, one inside the other: 60 KB of
 * promises and closures that live as long as the stream (docs/performance.md). `close` is what they
 * wait for. The host then destroys the response, and with it the socket: not if it counts as destroyed
 * already. (`destroy()` while the response has no socket does the same up to Node 22; from Node 24 on it
 * emits a `close` of its own in the next tick, which ended every stream.)
 *
 * @param watchers Listeners of `close` that are not the host's: they are told when it is true.
 * @returns whether it could be done
 */
export function releaseHost(response: ServerResponse, watchers: readonly CloseListener[]): boolean {
  if (!response.socket) return false;
  response.destroyed = true;
  // Some may have stopped listening.
  const listeners = response.rawListeners("close") as CloseListener[];
  const watching = listeners.filter((listener) => watchers.includes(listener));
  for (const watcher of watching) response.off("close", watcher);
  withoutStacks(() => response.emit("close"));
  // Whoever was told that it is closed would be told again when it is.
  response.removeAllListeners("close");
  forgetNext(response);
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
