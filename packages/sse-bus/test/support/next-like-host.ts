import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished, vi } from "vitest";
import type { Bus } from "../../src/core/bus-types.ts";
import { createStreamHandler } from "../../src/http/stream-handler.ts";
import { openDirectSink } from "../../src/node/direct-sink.ts";
import { installExchange } from "../../src/node/exchange.ts";
import { routeContext } from "../../src/http/route-context.ts";

export const nextLike = {
  socketIp: () => undefined,
  trustedProxies: 0,
  openSink: openDirectSink,
};

/** Next's own server says where it listens. */
export function actAsNextsOwnServer(): void {
  vi.stubEnv("__NEXT_PRIVATE_ORIGIN", "http://localhost:3000");
  onTestFinished(() => void vi.unstubAllEnvs());
}

/** Answers as Next does: pipes the body until the response is closed. */
export async function startHost(
  bus: Bus,
  { onClose }: { readonly onClose?: (response: ServerResponse) => void } = {},
) {
  const handle = createStreamHandler(routeContext(bus), {}, nextLike);
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
    void handle(new Request(`http://x${request.url}`)).then(async ({ body, headers }) => {
      response.setHeaders(headers);
      const to = new WritableStream({
        write: (bytes) => void response.write(bytes),
        abort: (error) => void response.destroy(error as Error),
        close: () => void response.end(),
      });
      await body?.pipeTo(to, { signal: abort.signal }).catch(() => {});
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
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
