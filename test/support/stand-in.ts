import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A bare event stream server to try the support against, with one `ping` every 20 ms. */
export async function startStandIn(): Promise<
  AsyncDisposable & { port: number; url: string; connections: () => number }
> {
  const open = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    response.writeHead(200, {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-cache, no-transform",
      "X-Accel-Buffering": "no",
    });
    const last = Number(request.headers["last-event-id"] ?? 0);
    let id = last;
    const ping = (): void => {
      id += 1;
      response.write(
        `id: ${id}\nevent: tick\ndata: {"time":${performance.timeOrigin + performance.now()}}\n\n`,
      );
    };
    const timer = setInterval(ping, 20);
    ping();
    open.add(response);
    response.once("close", () => {
      clearInterval(timer);
      open.delete(response);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    connections: () => open.size,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
