import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createBus } from "../core/bus.ts";
import { routeContext } from "../http/route-context.ts";
import { createStreamRequestHandlers } from "./stream-requests.ts";

test("the connection of a client that asks for pages and does not read them is cut", async () => {
  await using bus = createBus();
  const { id } = await bus.publish("before");
  await bus.publish("x".repeat(250_000));
  const { onRequest } = createStreamRequestHandlers(
    routeContext(bus),
    { writeTimeoutMs: 50, maxConnections: 1000 },
    0,
  );
  const server = createServer((request, response) => void onRequest(request, response));
  onTestFinished(() => void server.close());
  const connected = once(server, "connection");
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  onTestFinished(() => void client.destroy());
  client.on("error", () => {});
  // More than the kernel's buffers hold.
  client.write(`GET /sse?wait=0&from=${id} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(60));
  const [socket] = (await connected) as [Socket];
  await once(socket, "close");
  expect(socket.bytesWritten).toBeLessThan(60 * 250_000);
  expect(bus.stats().connections).toBe(0);
});
