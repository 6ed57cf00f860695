import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { expect, test } from "vitest";
import { createBus, internalsOf } from "../core/bus.ts";
import { connectionsOf } from "../http/connections.ts";
import { createHub } from "./create-hub.ts";

test.each([
  ["on a socket of its own", []],
  ["on `node:http`", ["X-A: 1", "X-A: 2"]],
])(
  "a client that is ended as slow and reads again seconds later receives `bye` last, %s",
  async (_, own) => {
    await using bus = createBus();
    await using hub = createHub({ bus, heartbeatMs: 80, writeTimeoutMs: 100, retryMs: 777 });
    await hub.listen(0);
    const { disconnects, open } = connectionsOf(internalsOf(bus));

    const socket = connect((hub.server.address() as AddressInfo).port, "127.0.0.1");
    let text = "";
    socket.setEncoding("latin1").on("data", (piece) => (text += piece));
    socket.write(
      ["GET /sse HTTP/1.1", "Host: x", "Connection: close", ...own, "", ""].join("\r\n"),
    );
    await expect.poll(() => open.size).toBe(1);
    socket.pause();
    // Until the kernel's buffers are full and the server sees that the client reads nothing.
    while (open.size > 0) {
      await bus.publish("x".repeat(200_000));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect([...disconnects]).toEqual([["slow", 1]]);
    // The time without reading is what this test is about.
    await new Promise((resolve) => setTimeout(resolve, 2000));
    socket.resume();
    await once(socket, "close");
    expect(text).toMatch(/\nevent: bye\ndata: \{"reason":"slow","retryMs":777\}\n\n\r\n0\r\n\r\n$/);
  },
);

test("a client that reads nothing is cut off", async () => {
  await using bus = createBus();
  await using hub = createHub({ bus, heartbeatMs: 80, writeTimeoutMs: 100 });
  await hub.listen(0);
  const { open } = connectionsOf(internalsOf(bus));
  const socket = connect((hub.server.address() as AddressInfo).port, "127.0.0.1");
  socket.write("GET /sse HTTP/1.1\r\nHost: x\r\n\r\n");
  socket.pause();
  await expect.poll(() => open.size).toBe(1);
  while (open.size > 0) {
    await bus.publish("x".repeat(200_000));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const connections = () =>
    new Promise<number>((resolve) => hub.server.getConnections((_, count) => resolve(count)));
  await expect.poll(connections, { timeout: 8000 }).toBe(0);
  socket.destroy();
});
