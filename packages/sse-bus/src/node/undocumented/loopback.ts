import { startInterval } from "../../core/timers.ts";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

/** A server of `node:http` in this process, and what talks to it over loopback. */
export interface Loopback {
  readonly server: Server;
  connect(): LoopbackClient;
}

export interface LoopbackClient {
  send(text: string): void;
  /** Reads one answer; its body on the wire must be exactly this. */
  expectBody(body: string): Promise<void>;
  /** Resolves when the server has closed the connection. */
  readonly closed: Promise<unknown>;
  /** Disconnects, as a browser does when its tab is closed. */
  disconnect(): void;
}

type LoopbackListener = (request: IncomingMessage, response: ServerResponse) => unknown;

/**
 * Runs `use` with a server that answers by `listener`. Rejects if either fails; leaves nothing open. Keeps the
 * process alive until it ends, which takes milliseconds, and a second at most.
 */
export async function overLoopback(
  listener: LoopbackListener,
  use: (loopback: Loopback) => Promise<void>,
): Promise<void> {
  const clients = new Set<Socket>();
  let timer: NodeJS.Timeout | undefined;
  let server: Server | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      timer = rejectLate(reject);
      server = createServer((request, response) => {
        void attempt(() => listener(request, response), reject);
      });
      server.on("error", reject);
      void attempt(async () => {
        const own = server as Server;
        const port = await listen(own);
        await use({ server: own, connect: () => connectTo(port, clients, reject) });
        resolve();
      }, reject);
    });
  } finally {
    clearInterval(timer);
    for (const client of clients) client.destroy();
    server?.close();
    server?.closeAllConnections();
  }
}

/** Resolves in the next turn of the event loop, in which messages would be written. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** A request in the form that all common clients send. */
export function getRequest(target: string, version = "1.1"): string {
  return `GET ${target} HTTP/${version}\r\nHost: localhost\r\n\r\n`;
}

async function listen(server: Server): Promise<number> {
  // `exclusive`: in a worker of node:cluster the port would be shared with the other workers.
  server.listen({ port: 0, host: "127.0.0.1", exclusive: true });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function attempt(run: () => unknown, fail: (error: unknown) => void): Promise<void> {
  try {
    await run();
  } catch (error) {
    fail(error);
  }
}

const OK = "HTTP/1.1 200 ";
const ANSWER = /^HTTP\/1\.1 200 [^]*?\r\n\r\n([^]*)$/;
const TICKS = 10;
const TICK_MS = 100;

/** Counts ticks, because a stalled event loop makes one only: then the exchange was not slow. */
function rejectLate(reject: (error: Error) => void): NodeJS.Timeout {
  let ticks = 0;
  return startInterval(() => {
    if (++ticks === TICKS)
      reject(new Error(`no answer over loopback within ${TICKS * TICK_MS} ms`));
  }, TICK_MS);
}

function connectTo(
  port: number,
  clients: Set<Socket>,
  fail: (error: unknown) => void,
): LoopbackClient {
  const socket = connect(port, "127.0.0.1").setEncoding("latin1");
  clients.add(socket);
  socket.on("error", fail);
  let received = "";
  let wake = (): void => {};
  socket.on("data", (text) => {
    received += String(text);
    wake();
  });
  let isClosed = false;
  const closed = new Promise<void>((resolve) => {
    socket.on("close", () => {
      isClosed = true;
      resolve();
      wake();
    });
  });

  async function expectBody(body: string): Promise<void> {
    for (;;) {
      const [, own] = ANSWER.exec(received) ?? [];
      if (own?.startsWith(body)) {
        received = own.slice(body.length);
        return;
      }
      const isHead = received.startsWith(OK.slice(0, received.length));
      if (isClosed || !isHead || (own !== undefined && !body.startsWith(own))) {
        const got = JSON.stringify((own ?? received).slice(0, 100));
        throw new Error(`a client received ${got} where ${JSON.stringify(body)} was sent`);
      }
      await new Promise<void>((resolve) => (wake = resolve));
    }
  }

  return {
    send: (text) => void socket.write(text),
    expectBody,
    closed,
    disconnect: () => void socket.destroy(),
  };
}
