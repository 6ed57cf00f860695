import { once } from "node:events";
import { createServer } from "node:http";
import {
  connect as connectHttp2,
  createServer as createHttp2Server,
  type ServerHttp2Stream,
} from "node:http2";
import {
  type AddressInfo,
  connect,
  createServer as createSocketServer,
  type Server,
  type Socket,
} from "node:net";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { actAsNextsOwnServer, startHost } from "../../test/support/next-like-host.ts";
import { createBus } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { routeContext } from "../http/route-context.ts";
import { type PlainRequest, readPlainRequest } from "./plain-request.ts";
import { createStreamRequestHandlers } from "./stream-requests.ts";
import { proveFastPaths } from "./undocumented/prove-fast-paths.ts";

beforeAll(async () => {
  await proveFastPaths(["direct-sink", "host-release"], (error) => expect.fail(error.message));
});

const LARGE = "x".repeat(200_000);
/** More than what the buffers of both sockets hold. */
const MESSAGES = 100;

/** Servers that answer on `node:http`, on a socket of their own, and below Next.js. */
const servers: Record<string, (bus: Bus) => Promise<{ port: number; sockets: Socket[] }>> = {
  "node:http": async (bus) => {
    const { onRequest } = handlersOf(bus);
    const server = createServer((request, response) => void onRequest(request, response));
    return listen(server, bus);
  },
  "a socket of its own": async (bus) => {
    const { onPlainRequest } = handlersOf(bus);
    const server = createSocketServer((socket) => {
      socket.once("data", (bytes) => {
        void onPlainRequest(readPlainRequest(bytes, "/sse") as PlainRequest, socket);
      });
    });
    return listen(server, bus);
  },
  "the direct sink of Next.js": async (bus) => {
    actAsNextsOwnServer();
    const host = await startHost(bus);
    onTestFinished(async () => host[Symbol.asyncDispose]());
    return { port: host.port, sockets: host.sockets };
  },
};

function handlersOf(bus: Bus) {
  return createStreamRequestHandlers(routeContext(bus), {}, 0);
}

async function listen(server: Server, bus: Bus) {
  const sockets: Socket[] = [];
  server.on("connection", (socket: Socket) => sockets.push(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    await bus.close();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

/** A client over a socket of its own, which counts what it reads. */
async function request(port: number) {
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  let text = "";
  let bytes = 0;
  // Systems and versions of Node.js differ in whether a reset is an error to a client that has paused.
  socket.on("error", () => {});
  const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    text = (text + chunk.toString("latin1")).slice(-10_000);
  });
  socket.write("GET /sse HTTP/1.1\r\nHost: x\r\n\r\n");
  await expect.poll(() => text).toContain("event: hello");
  return { socket, ended, text: () => text, bytes: () => bytes };
}

async function publishMuch(bus: Bus): Promise<void> {
  for (let n = 0; n < MESSAGES; n++) {
    await bus.publish(LARGE);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test.each(Object.keys(servers))("%s: a client that reads gets bye revoked", async (name) => {
  const bus = createBus();
  onTestFinished(() => bus.close());
  const { port } = await (servers[name] as (typeof servers)[string])(bus);
  const client = await request(port);
  await bus.publish("before");
  expect(await bus.disconnect({ channel: "default" })).toBe(1);
  await bus.publish("after");
  await expect.poll(() => client.text()).toContain("\r\n0\r\n\r\n");
  expect(client.text()).toContain('"reason":"revoked"');
  expect(client.text()).not.toContain('"after"');
});

test.each(Object.keys(servers))(
  "%s: what a stalled client has not read is dropped within a second",
  async (name) => {
    const bus = createBus();
    onTestFinished(() => bus.close());
    const { port, sockets } = await (servers[name] as (typeof servers)[string])(bus);
    const client = await request(port);
    client.socket.pause();
    await publishMuch(bus);
    const [served] = sockets as [Socket];
    expect(served.writableLength, "its buffers are full").toBeGreaterThan(0);
    const handedOver = served.bytesWritten - served.writableLength;
    const closed = once(served, "close");
    const calledAt = performance.now();
    await bus.disconnect({ channel: "default" });
    await closed;
    expect(performance.now() - calledAt).toBeLessThan(1000);
    client.socket.resume();
    await client.ended;
    // Not even what the operating system had on the server's side.
    expect(client.bytes()).toBeLessThan(handedOver);
    expect(client.text()).not.toContain("revoked");
  },
);

test("over HTTP/2, what a stalled client has not read is dropped, and its connection continues", async () => {
  const bus = createBus();
  const { onRequest } = handlersOf(bus);
  const server = createHttp2Server((incoming, response) => {
    void onRequest(incoming as never, response as never);
  });
  let served: ServerHttp2Stream | undefined;
  server.once("stream", (own: ServerHttp2Stream) => (served = own));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(async () => {
    session.destroy();
    await bus.close();
    server.close();
  });
  const stream = session.request({ ":path": "/sse" });
  stream.on("error", () => {});
  await once(stream, "response");
  stream.pause();
  await publishMuch(bus);
  expect(served?.writableLength).toBeGreaterThan(0);
  const closed = once(served as ServerHttp2Stream, "close");
  const calledAt = performance.now();
  await bus.disconnect({ channel: "default" });
  await closed;
  expect(performance.now() - calledAt).toBeLessThan(1000);
  let text = "";
  stream.setEncoding("latin1").on("data", (part: string) => (text += part));
  await once(stream, "close");
  expect(text.length).toBeLessThan(LARGE.length);
  expect(text).not.toContain("revoked");
  const other = session.request({ ":path": "/sse" });
  const [headers] = (await once(other, "response")) as [{ ":status": number }];
  expect(headers[":status"]).toBe(200);
});
