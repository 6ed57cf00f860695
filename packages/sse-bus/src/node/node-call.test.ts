import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, connect, type Server, type Socket } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { createBus, internalsOf } from "../core/bus.ts";
import { connectionsOf } from "../http/connections.ts";
import { createPublishHandler } from "../http/publish-handler.ts";
import type { PublishRouteOptions } from "../http/publish-options.ts";
import { routeContext } from "../http/route-context.ts";
import { nodeListener } from "./node-call.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const close of closing.splice(0).toReversed()) await close();
});

function setUp(options: PublishRouteOptions = {}) {
  const errors: (Error & { code?: string })[] = [];
  const bus = createBus({ onError: (error) => errors.push(error) });
  closing.push(bus.close);
  const env = { NODE_ENV: options.authorize ? "production" : "development" };
  const access = { env: () => env };
  const answer = nodeListener(createPublishHandler(routeContext(bus), options, access), 0);
  const settled = deferred();
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    void answer(request, response).then(settled.resolve);
  };
  return {
    bus,
    errors,
    listener,
    answered: settled.promise,
    refusals: connectionsOf(internalsOf(bus)).refusals,
  };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  closing.push(() => server.close());
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** Sends the beginning of a publish, and nothing after it. */
async function sendBeginning(
  server: Server,
  begin: string,
  length: string = "Content-Length: 100",
): Promise<Socket> {
  const socket = connect(await listen(server), "127.0.0.1").setEncoding("utf8");
  closing.push(() => socket.destroy());
  socket.write(
    `POST /publish HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n${length}\r\n\r\n${begin}`,
  );
  return socket;
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

async function readToEnd(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (part: string) => (text += part));
  await once(socket, "close");
  return text;
}

test("a body that does not end gets a response, and its connection is closed", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const { bus, listener } = setUp();
  const server = createServer();
  const arrived = new Promise<void>((resolve) => {
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      listener(request, response);
      request.on("data", resolve);
    });
  });
  const socket = await sendBeginning(server, '{"data":');
  await arrived;
  const text = readToEnd(socket);
  vi.advanceTimersByTime(15_000);
  expect(await text).toMatch(/^HTTP\/1\.1 408 [^]*Connection: close[^]*"code":"REQUEST_TIMEOUT"/);
  expect(bus.stats().published).toBe(0);
});

test("a client that disconnects during its body publishes nothing and is not an error of the server", async () => {
  const { bus, errors, listener, answered, refusals } = setUp();
  const server = createServer((request, response) => {
    listener(request, response);
    request.once("data", () => socket.destroy());
  });
  const socket = await sendBeginning(server, '{"data":1}');
  await answered;
  expect(refusals.get("MALFORMED_BODY")).toBe(1);
  expect(bus.stats().published).toBe(0);
  expect(errors).toEqual([]);
});

test("a client that disconnects while its credentials are checked publishes nothing", async () => {
  const authorize = Object.assign(() => true, {
    async authenticate({ signal }: Request) {
      socket.destroy();
      await once(signal, "abort");
      return true;
    },
  });
  const { bus, listener, answered, refusals } = setUp({ authorize });
  const socket = await sendBeginning(createServer(listener), '{"data":');
  await answered;
  expect(refusals.get("MALFORMED_BODY")).toBe(1);
  expect(bus.stats().published).toBe(0);
});

test("over HTTP/2, a body that is cut off is not published, even if it is JSON so far", async () => {
  const { bus, errors, listener, answered, refusals } = setUp();
  const server = createHttp2Server((request, response) => {
    const asHttp1 = [request, response] as unknown as [IncomingMessage, ServerResponse];
    listener(...asHttp1);
    request.once("data", () => stream.close(8));
  });
  const session = connectHttp2(`http://127.0.0.1:${await listen(server)}`);
  closing.push(() => session.destroy());
  const stream = session.request({
    ":method": "POST",
    ":path": "/publish",
    "content-type": "application/json",
  });
  stream.on("error", () => {});
  stream.write('{"data":1}');
  await answered;
  expect(refusals.get("MALFORMED_BODY")).toBe(1);
  expect(bus.stats().published).toBe(0);
  expect(errors).toEqual([]);
});

test("a client without permission is refused before it sends its body", async () => {
  const authorize = Object.assign(() => true, { authenticate: () => false });
  const { listener } = setUp({ authorize });
  const socket = await sendBeginning(createServer(listener), "");
  const [text] = (await once(socket, "data")) as [string];
  expect(text).toMatch(/^HTTP\/1\.1 401 /);
});

test("a body that is declared too large gets a 413 once the client has sent it, and nothing of it is kept", async () => {
  const { bus, listener } = setUp();
  const length = 2_000_000;
  const socket = await sendBeginning(createServer(listener), "", `Content-Length: ${length}`);
  const text = readToEnd(socket);
  socket.write("[".repeat(length));
  expect(await text).toMatch(/^HTTP\/1\.1 413 [^]*"code":"BATCH_TOO_LARGE"/);
  expect(bus.stats().published).toBe(0);
});

test("a body that other code has read is an error of the server, which says so", async () => {
  const { errors, listener } = setUp();
  const server = createServer((request, response) => {
    request.resume().once("end", () => listener(request, response));
  });
  const answer = await fetch(`http://127.0.0.1:${await listen(server)}/publish`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: '{"data":1}',
  });
  expect(answer.status).toBe(500);
  expect(await answer.json()).toMatchObject({ code: "BODY_ALREADY_READ" });
  expect(errors.map(({ code }) => code)).toEqual(["BODY_ALREADY_READ"]);
});

test("`authorize` gets one request, made once, whose signal aborts when the client leaves", async () => {
  const seen: Request[] = [];
  const asked = deferred();
  const authorize = Object.assign(
    async ({ request }: { readonly request: Request }) => {
      seen.push(request);
      asked.resolve();
      await once(request.signal, "abort");
      return true;
    },
    { authenticate: (request: Request) => seen.push(request) > 0 },
  );
  const { listener } = setUp({ authorize });
  const socket = await sendBeginning(createServer(listener), '{"data":1}', "Content-Length: 10");
  await asked.promise;
  expect(seen[1]).toBe(seen[0]);
  expect(seen[0]).toMatchObject({ method: "POST", url: "http://h/publish", body: null });
  const aborted = once(seen[0]?.signal as AbortSignal, "abort");
  socket.destroy();
  await aborted;
});
