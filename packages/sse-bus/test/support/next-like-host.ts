import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { onTestFinished, vi } from "vitest";
import type { Bus } from "../../src/core/bus-types.ts";
import { createStreamHandler } from "../../src/http/stream-handler.ts";
import type { StreamOptions } from "../../src/http/stream-options.ts";
import { openDirectSink } from "../../src/node/direct-sink.ts";
import { installExchange } from "../../src/node/exchange.ts";
import { gzip } from "../../src/node/gzip.ts";
import { routeContext } from "../../src/http/route-context.ts";

export const nextLike = {
  socketIp: () => undefined,
  trustedProxies: 0,
  openSink: openDirectSink,
  codec: gzip,
};

/** The server of Next.js stores its address here. */
export function actAsNextsOwnServer(): void {
  vi.stubEnv("__NEXT_PRIVATE_ORIGIN", "http://localhost:3000");
  onTestFinished(() => void vi.unstubAllEnvs());
}

/** Responds like Next.js: pipes the body until the response is closed. */
export async function startHost(
  bus: Bus,
  {
    onClose,
    stream = {},
  }: {
    readonly onClose?: (response: ServerResponse) => void;
    readonly stream?: StreamOptions;
  } = {},
) {
  const handle = createStreamHandler(routeContext(bus), stream, nextLike);
  await installExchange();
  let closes = 0;
  const server = createServer((request, response) => {
    const abort = new AbortController();
    response.on("close", () => {
      closes++;
      abort.abort();
      onClose?.(response);
    });
    response.emit("pipe", request);
    const sent = { headers: request.headers as Record<string, string> };
    const asked = new Request(`http://x${request.url}`, sent);
    void handle(asked).then(async ({ body, headers, status }) => {
      response.statusCode = status;
      // As Next.js 16.4 does.
      for (const name of ["content-length", "content-encoding"]) headers.delete(name);
      response.setHeaders(headers);
      const to = new WritableStream({
        write: (bytes) => void response.write(bytes),
        abort: (error) => void response.destroy(error as Error),
        close: () => void response.end(),
      });
      await body?.pipeTo(to, { signal: abort.signal }).catch(() => {});
    });
  }).listen(0, "127.0.0.1");
  const sockets: Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket));
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    /** The server's side of every connection so far. */
    sockets,
    closes: () => closes,
    async open() {
      const reading = new AbortController();
      const { body } = await fetch(`http://127.0.0.1:${port}/`, { signal: reading.signal });
      const reader = (body as ReadableStream<Uint8Array>).getReader();
      return {
        read: async () => String(Buffer.from((await reader.read()).value ?? [])),
        leave: () => reading.abort(),
      };
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
