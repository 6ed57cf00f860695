import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import {
  type AddressInfo,
  connect,
  createServer as createSocketServer,
  type Socket,
} from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createBus } from "../core/bus.ts";
import type { AuthorizeContext } from "../http/authorize.ts";
import { type PlainRequest, readPlainRequest } from "./plain-request.ts";
import { createStreamRequestHandlers, type StreamRequestHandlers } from "./stream-requests.ts";
import { routeContext } from "../http/route-context.ts";

const RENEWALS = 16;

/** Streams whose permission is renewed repeatedly, and the arguments of `authorize`. */
function renewing(): {
  listeners: StreamRequestHandlers;
  requests: Set<Request>;
  signal: Promise<void>;
} {
  const bus = createBus();
  onTestFinished(() => bus.close());
  const requests = new Set<Request>();
  let asked = 0;
  let resolve = (): void => {};
  const signal = new Promise<void>((done) => (resolve = done));
  const authorize = ({ request }: AuthorizeContext) => {
    requests.add(request);
    if (++asked > RENEWALS) resolve();
    return { expiresAt: Date.now() + 50 };
  };
  const listeners = createStreamRequestHandlers(
    routeContext(bus),
    { heartbeatMs: 8, authorize },
    0,
  );
  return { listeners, requests, signal };
}

async function ask(port: number): Promise<Socket> {
  const client = connect(port, "127.0.0.1");
  onTestFinished(() => void client.destroy());
  client.resume().write("GET /sse HTTP/1.1\r\nHost: x\r\n\r\n");
  return client;
}

test("repeated renewals of a permission add no listeners to a response", async () => {
  const { listeners, requests, signal } = renewing();
  let response: ServerResponse | undefined;
  const server = createServer((request: IncomingMessage, own: ServerResponse) => {
    response = own;
    void listeners.onRequest(request, own);
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const client = await ask((server.address() as AddressInfo).port);
  await signal;
  expect(requests.size).toBe(1);
  expect(response?.listenerCount("close")).toBeLessThan(8);
  const [request] = requests;
  const aborted = once(request?.signal as AbortSignal, "abort");
  client.destroy();
  await aborted;
});

test("repeated renewals add no listeners to a socket detached from node:http", async () => {
  const { listeners, requests, signal } = renewing();
  let taken: Socket | undefined;
  const server = createSocketServer((socket) => {
    taken = socket;
    socket.once("data", (bytes) => {
      const request = readPlainRequest(bytes, "/sse") as PlainRequest;
      void listeners.onPlainRequest(request, socket);
    });
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const client = await ask((server.address() as AddressInfo).port);
  await signal;
  expect(requests.size).toBe(1);
  expect(taken?.listenerCount("close")).toBeLessThan(8);
  const [request] = requests;
  const aborted = once(request?.signal as AbortSignal, "abort");
  client.destroy();
  await aborted;
});
