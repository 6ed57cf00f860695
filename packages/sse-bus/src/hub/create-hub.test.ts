import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { createBus } from "../core/bus.ts";
import { createHub } from "./create-hub.ts";

test.each([
  ["that are alone on their sockets", []],
  ["of `node:http`", ["X-A: 1", "X-A: 2"]],
])("closing cuts requests %s and have no answer of `authorize` yet", async (_, own) => {
  await using bus = createBus();
  let asked = (): void => {};
  const isAsked = new Promise<void>((resolve) => (asked = resolve));
  const hub = createHub({
    bus,
    authorizeTimeoutMs: 60_000,
    authorize: async () => {
      asked();
      return new Promise<boolean>(() => {});
    },
  });
  const { port, hostname } = new URL(await hub.listen(0));
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  socket.write(["GET /sse HTTP/1.1", "Host: h", ...own, "", ""].join("\r\n"));
  await isAsked;
  const cut = once(socket, "close");
  await hub.close();
  await cut;
  expect(hub.server.listening).toBe(false);
});

test("CONNECT is answered 405, not cut off", async () => {
  await using bus = createBus();
  await using hub = createHub({ bus });
  const { port, hostname } = new URL(await hub.listen(0));
  const socket = connect(Number(port), hostname).setEncoding("utf8");
  let text = "";
  socket.on("data", (part: string) => (text += part));
  socket.write("CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n");
  await once(socket, "close");
  expect(text).toMatch(/^HTTP\/1\.1 405 [^]*\r\nAllow: GET, POST, OPTIONS\r\n/i);
});
