import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createBus } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { createHub, type Hub } from "./create-hub.ts";

let bus: Bus;
let hub: Hub;
beforeEach(async () => {
  bus = createBus();
  hub = createHub({ bus, openPublish: true });
  await hub.listen(0);
});
afterEach(async () => {
  await hub.close();
  await bus.close();
});

/** Sends bytes unchanged; returns what arrives until the connection ends. */
async function ask(line: string, ...fields: string[]): Promise<string> {
  const { port } = hub.server.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1");
  let answer = "";
  socket.setEncoding("latin1").on("data", (text) => (answer += text));
  socket.write([line, ...fields, "Connection: close", "", ""].join("\r\n"));
  await once(socket, "close");
  return answer;
}

const HOSTS = [
  "user:secret@h",
  "h/sse?channel=**&x=",
  "h?x",
  "h#x",
  "h\\x",
  "h:port",
  "h:1:2",
  "[::1",
  "[x]",
  "1.2.3.999",
  "h%2e",
  "",
  "a".repeat(300),
];

describe.each(["/sse", "/publish?msg=x", "/health", "/metrics"])("GET %s", (target) => {
  test.each(HOSTS)("with the Host %j gets a 400 that names it", async (host) => {
    const answer = await ask(`GET ${target} HTTP/1.1`, `Host: ${host}`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"code":"INVALID_HOST"');
    expect((await bus.cursor()).startsWith("0-"), "nothing was published").toBe(true);
  });

  test("with user information in an absolute target gets a 4xx", async () => {
    expect(await ask(`GET http://u:p@h${target} HTTP/1.1`, "Host: h")).toMatch(/^HTTP\/1\.1 4/);
  });

  test("gets a 400 through `node:http`, too", async () => {
    const answer = await ask(`GET ${target} HTTP/1.1`, "Host: u@h", "X-A: 1", "x-a: 2");
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });
});

test.each(["TRACE", "TRACK"])(
  "%s on any path gets a response and is not cut off",
  async (method) => {
    for (const target of ["/publish?msg=x", "/sse", "/health"]) {
      const answer = await ask(`${method} ${target} HTTP/1.1`, "Host: h");
      expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    }
  },
);

test("a target of slashes gets a 404", async () => {
  for (const target of ["//", "///", "//evil.example/sse", "/\\"]) {
    expect(await ask(`GET ${target} HTTP/1.1`, "Host: h")).toMatch(/^HTTP\/1\.1 404 /);
  }
});
