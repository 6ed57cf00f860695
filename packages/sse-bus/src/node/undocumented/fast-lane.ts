import type { Server } from "node:http";
import type { Socket } from "node:net";
import { startInterval } from "../../core/timers.ts";
import { type PlainRequest, readPlainRequest } from "../plain-request.ts";

/** Answers a plain request on its socket, which is its alone from now on. */
export type PlainListener = (request: PlainRequest, socket: Socket) => void;

export interface FastLane {
  /** Closes the connections on which nothing has been asked yet. Idempotent. */
  close(): void;
}

/**
 * Takes the requests for a path off a server of `node:http` that are the first of their connection
 * and plain, as a browser's for a stream are; all else goes on as it would have. Node's parser and its
 * request and response are half of what a quiet stream keeps, and as much of what it costs to open
 * (docs/performance.md).
 */
export function openFastLane(
  server: Server,
  path: string,
  answer: PlainListener,
  { checkMs = 5_000 }: { readonly checkMs?: number } = {},
): FastLane {
  const own = server.listeners("connection");
  /** Connections on which nothing has been asked yet, and since when. */
  const waiting = new Map<Socket, number>();
  const timer = startInterval(closeLate, checkMs).unref();
  server.removeAllListeners("connection");
  server.on("connection", onConnection);

  function onConnection(socket: Socket): void {
    waiting.set(socket, Date.now());
    socket.on("error", ignore);
    // Who has sent the last byte wants no answer any more; so does Node's server see it.
    socket.on("end", destroy);
    socket.on("close", onClose);
    socket.on("data", onFirst);
  }

  function onFirst(this: Socket, bytes: Uint8Array): void {
    waiting.delete(this);
    this.off("close", onClose);
    this.off("data", onFirst);
    const request = readPlainRequest(bytes, path);
    if (request) {
      answer(request, this);
      return;
    }
    this.off("end", destroy);
    for (const listener of own) listener.call(server, this);
    this.emit("data", bytes);
  }

  function onClose(this: Socket): void {
    waiting.delete(this);
  }

  /** As Node's server does: who connects and asks nothing must not keep the connection. */
  function closeLate(): void {
    const since = Date.now() - server.headersTimeout;
    if (server.headersTimeout === 0) return;
    for (const [socket, at] of waiting) if (at < since) socket.destroy();
  }

  return {
    close() {
      clearInterval(timer);
      for (const socket of waiting.keys()) socket.destroy();
    },
  };
}

function destroy(this: Socket): void {
  this.destroy();
}

/** A lost connection is told by `close`, too. */
function ignore(): void {}
