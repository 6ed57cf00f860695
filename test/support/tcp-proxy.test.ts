import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";

import { accepts } from "./ports.ts";
import { startTcpProxy } from "./tcp-proxy.ts";

test("a relay forwards bytes, refuses connections while cut, and accepts them again after mend", async () => {
  await using echo = await startEcho();
  await using proxy = await startTcpProxy(echo.port);
  const socket = await open(proxy.port);
  expect(await say(socket, "hello")).toBe("hello");

  const closed = ended(socket);
  await proxy.cut();
  await closed;
  expect(await accepts(proxy.port)).toBe(false);
  expect(proxy.connections).toBe(0);

  await proxy.mend();
  const next = await open(proxy.port);
  expect(await say(next, "again")).toBe("again");
  const reset = ended(next);
  proxy.reset();
  await reset;
  expect(await accepts(proxy.port)).toBe(true);
});

test("a hanging relay silently holds bytes back, and forwards them after mend", async () => {
  await using echo = await startEcho();
  await using proxy = await startTcpProxy(echo.port);
  const socket = await open(proxy.port);
  expect(await say(socket, "hello")).toBe("hello");
  proxy.hang();
  const answer = say(socket, "late");
  const first = await Promise.race([
    answer,
    new Promise((resolve) => setTimeout(resolve, 100, "silence")),
  ]);
  expect(first).toBe("silence");
  await proxy.mend();
  expect(await answer).toBe("late");
  socket.destroy();
});

async function startEcho(): Promise<AsyncDisposable & { port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

async function say(socket: Socket, text: string): Promise<string> {
  const answer = once(socket, "data");
  socket.write(text);
  return String((await answer)[0]);
}

/** Unlike `once`, it does not reject with the reset that ends the socket. */
async function ended(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
}
