import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type PlainRequestInterception, interceptPlainRequests } from "./fast-lane.ts";

let server: Server;
let interception: PlainRequestInterception;
/** The responses of each side. */
let plain: string[];
let others: string[];

beforeEach(async () => {
  plain = [];
  others = [];
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (bytes) => (body += String(bytes)));
    request.on("end", () => {
      others.push(`${request.method} ${request.url} ${body}`);
      response.end("from node:http");
    });
  });
  interception = interceptPlainRequests(server, "/sse", (request, socket) => {
    plain.push(request.target ?? "");
    socket.write("from the listener");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterEach(async () => {
  interception.close();
  server.closeAllConnections();
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
  await once(server, "close");
});

const sockets: Socket[] = [];

async function open(): Promise<Socket> {
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  sockets.push(socket);
  await once(socket, "connect");
  return socket;
}

/** What comes until it contains `text`. */
async function until(socket: Socket, text: string): Promise<string> {
  let all = "";
  while (!all.includes(text)) all += String((await once(socket, "data"))[0]);
  return all;
}

const GET = "GET /sse HTTP/1.1\r\nHost: x\r\n\r\n";

describe("the first request of a connection", () => {
  test("is handled by the fast lane if it is plain, and node:http does not see it", async () => {
    const socket = await open();
    socket.write(GET);
    await until(socket, "from the listener");
    expect([plain, others]).toEqual([["/sse"], []]);
  });

  test.each([
    ["of another path", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / "],
    ["of HTTP/1.0", "GET /sse HTTP/1.0\r\n\r\n", "GET /sse "],
    ["with a body", "POST /sse HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi", "POST /sse hi"],
    [
      "with a field twice",
      "GET /sse HTTP/1.1\r\nHost: x\r\nCookie: a\r\nCookie: b\r\n\r\n",
      "GET /sse ",
    ],
  ])("%s is left to node:http", async (_, text, seen) => {
    const socket = await open();
    socket.write(text);
    await until(socket, "from node:http");
    expect([plain, others]).toEqual([[], [seen]]);
  });

  test("that arrives in pieces is left to node:http, wherever it is cut", async () => {
    for (const at of [1, 4, GET.length - 1]) {
      const socket = await open();
      socket.setNoDelay(true);
      socket.write(GET.slice(0, at));
      // Two writes may become one read; another connection's answer shows that the first was read.
      await untilRead();
      socket.write(GET.slice(at));
      await until(socket, "from node:http");
    }
    expect(others.filter((one) => one === "GET /sse ").length).toBe(3);
  });

  test("that is pipelined is left to node:http with all that follow, in order", async () => {
    const socket = await open();
    socket.write(GET + GET.replace("/sse", "/two"));
    await until(socket, "from node:http");
    await expect.poll(() => others).toEqual(["GET /sse ", "GET /two "]);
  });

  test("whose body arrives later is read completely", async () => {
    const socket = await open();
    const large = "x".repeat(300_000);
    socket.write(`POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: ${large.length}\r\n\r\n`);
    await untilRead();
    socket.write(large);
    await until(socket, "from node:http");
    expect(others.at(-1)).toBe(`POST /up ${large}`);
  });

  test("that is not HTTP is rejected by node:http", async () => {
    const socket = await open();
    socket.write("hello\r\n\r\n");
    expect(await until(socket, "\r\n\r\n")).toMatch(/^HTTP\/1\.1 400/);
  });
});

test("a later request of a connection that node:http serves stays with node:http", async () => {
  const socket = await open();
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await until(socket, "from node:http");
  socket.write(GET);
  await until(socket, "from node:http");
  expect([plain, others]).toEqual([[], ["GET / ", "GET /sse "]]);
});

describe("a connection without a request", () => {
  test("is closed when its client ends it", async () => {
    const socket = await open();
    socket.end();
    socket.resume();
    await once(socket, "close");
  });

  test("is closed with the interception", async () => {
    const socket = await open();
    await untilRead();
    socket.resume();
    interception.close();
    interception.close();
    await once(socket, "close");
  });

  test("is closed after the time limit for a head", async () => {
    interception.close();
    server.headersTimeout = 50;
    const quick = interceptPlainRequests(server, "/sse", () => {}, { checkMs: 10 });
    const socket = await open();
    socket.resume();
    await once(socket, "close");
    quick.close();
  });

  test("that breaks causes no unhandled error", async () => {
    const socket = await open();
    await untilRead();
    socket.resetAndDestroy();
    await untilRead();
  });
});

/** Resolves when the server has read everything sent before. */
async function untilRead(): Promise<void> {
  const socket = await open();
  socket.write("GET /mark HTTP/1.1\r\nHost: x\r\n\r\n");
  await until(socket, "from node:http");
  socket.destroy();
  others.splice(others.indexOf("GET /mark "), 1);
}
