import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A write that a run of the singleton asked for. */
export interface Write {
  readonly by: number;
  readonly fence: number;
  /** By this process's monotonic clock, in ms. */
  readonly at: number;
  readonly isAccepted: boolean;
}

/** What the singleton writes to. It refuses a fencing number that is smaller than one it has seen. */
export interface FencedResource extends AsyncDisposable {
  readonly url: string;
  readonly writes: readonly Write[];
  /** The next write for which `isMet` is true. */
  next(isMet: (write: Write) => boolean, timeoutMs: number): Promise<Write>;
}

export async function startResource(): Promise<FencedResource> {
  const writes: Write[] = [];
  const listeners = new Set<(write: Write) => void>();
  let greatest = 0;
  const server: Server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.once("end", () => answer(body, response));
  });

  function answer(body: string, response: ServerResponse): void {
    const { by, fence } = JSON.parse(body) as Write;
    const write = { by, fence, at: performance.now(), isAccepted: fence >= greatest };
    greatest = Math.max(greatest, fence);
    writes.push(write);
    response.writeHead(write.isAccepted ? 200 : 409).end();
    for (const listener of listeners) listener(write);
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    writes,
    next: (isMet, timeoutMs) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          listeners.delete(listener);
          const last = JSON.stringify(writes.at(-1));
          reject(new Error(`No such write within ${timeoutMs} ms; the last one: ${last}`));
        }, timeoutMs);
        const listener = (write: Write): void => {
          if (!isMet(write)) return;
          clearTimeout(timer);
          listeners.delete(listener);
          resolve(write);
        };
        listeners.add(listener);
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
