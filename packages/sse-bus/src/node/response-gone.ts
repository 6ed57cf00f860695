import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * Calls back, maybe more than once, when a response has ended or its client has disconnected.
 *
 * A response that waits behind another one on its connection (RFC 9112 §9.3.2) has no socket yet: `node:http` emits
 * nothing on it if the connection closes before its turn, and its stream would stay open for good.
 */
export function onResponseGone(response: ServerResponse, run: () => void): void {
  response.on("close", run);
  onQueuedGone(response, run);
}

/** The same for a response whose host tells what happens to it, as far as it learns of it. */
export function onQueuedGone(response: ServerResponse, run: () => void): void {
  if (!isQueued(response)) return;
  const { socket } = response.req;
  const waiting = queued.get(socket) ?? watch(socket);
  waiting.add(run);
  response.once("close", () => waiting.delete(run));
}

/** Whether nobody can read the response any more. */
export function isResponseGone(response: ServerResponse): boolean {
  return response.destroyed || (isQueued(response) && response.req.socket.destroyed);
}

function isQueued(response: ServerResponse): boolean {
  return !("stream" in response) && !response.socket && !response.writableFinished;
}

/** One listener for each connection: a client may send any number of requests at once. */
const queued = new WeakMap<Socket, Set<() => void>>();

function watch(socket: Socket): Set<() => void> {
  const waiting = new Set<() => void>();
  queued.set(socket, waiting);
  socket.once("close", () => {
    for (const run of waiting) run();
  });
  return waiting;
}
