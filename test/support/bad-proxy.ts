import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

/** What a {@link BadProxy} does to responses. */
export interface BadProxyFaults {
  /** Passes a response on when it is complete. */
  readonly buffers?: boolean;
  /** Cuts event streams that are older than this. */
  readonly streamLifeMs?: number;
  /** Cuts every connection that is older than this, whatever it carries. */
  readonly connectionLifeMs?: number;
}

export interface BadProxy extends AsyncDisposable {
  readonly url: string;
  /** Works from now on as a proxy should. What it has held back stays so. */
  mend(): void;
}

/** Starts an HTTP proxy to a server on 127.0.0.1. */
export async function startBadProxy(port: number, faults: BadProxyFaults): Promise<BadProxy> {
  let { buffers, streamLifeMs, connectionLifeMs } = faults;
  const server = createServer((incoming, response) => {
    const { url, method, headers } = incoming;
    const doesBuffer = buffers;
    const outgoing = request({ port, path: url, method, headers }, (answer) => {
      const { statusCode = 502, headers: answered } = answer;
      const isStream = answered["content-type"]?.includes("event-stream");
      if (isStream && streamLifeMs) setTimeout(() => response.destroy(), streamLifeMs).unref();
      if (doesBuffer) {
        const parts: Buffer[] = [];
        answer.on("data", (part: Buffer) => parts.push(part));
        answer.on("error", () => response.destroy());
        answer.on("end", () => {
          response.writeHead(statusCode, answered).end(Buffer.concat(parts));
        });
        return;
      }
      response.writeHead(statusCode, answered);
      response.flushHeaders();
      answer.pipe(response);
    });
    outgoing.on("error", () => response.destroy());
    response.on("close", () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
  server.on("connection", (socket) => {
    if (connectionLifeMs) setTimeout(() => socket.destroy(), connectionLifeMs).unref();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    mend() {
      buffers = false;
      streamLifeMs = connectionLifeMs = undefined;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}
