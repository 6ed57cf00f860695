import type { Server } from "node:http";
import type { Socket } from "node:net";
import { startInterval } from "../../core/timers.ts";
import { type PlainRequest, readPlainRequest } from "../plain-request.ts";

/** Answers a plain request on its socket, which carries nothing else from now on. */
export type PlainRequestListener = (request: PlainRequest, socket: Socket) => void;

/** The running interception of a server's plain requests. */
export interface PlainRequestInterception {
  /** Closes the connections that have not sent a request yet. Idempotent. */
  close(): void;
}

/**
 * Answers plain requests for a path without `node:http`, if they are the first of their connection, as a browser's
 * for a stream is. The server handles everything else as before. Node's parser, request and response are half of
 * the memory of a quiet stream, and half of the cost to open one (docs/performance.md).
 */
export function interceptPlainRequests(
  server: Server,
  path: string,
  answer: PlainRequestListener,
  { checkMs = 5_000 }: { readonly checkMs?: number } = {},
): PlainRequestInterception {
  const own = server.listeners("connection");
  /** Connections that have not sent a request yet, and when they were opened. */
  const waiting = new Map<Socket, number>();
  const timer = startInterval(closeSilent, checkMs).unref();
  server.removeAllListeners("connection");
  server.on("connection", onConnection);

  function onConnection(socket: Socket): void {
    waiting.set(socket, Date.now());
    socket.on("error", ignore);
    // A client that has ended its side does not expect an answer; Node's server does the same.
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

  /** As Node's server does: a client that sends no request must not keep its connection. */
  function closeSilent(): void {
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

/** `close` follows every `error`. */
function ignore(): void {}
