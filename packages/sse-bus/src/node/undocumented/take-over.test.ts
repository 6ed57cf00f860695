import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { describe, expect, test } from "vitest";
import { internalsOf } from "../../core/bus.ts";
import { createBus } from "../../index.ts";
import { createStreamRequestListener } from "../stream-requests.ts";
import { assertTakeOverPath, takenPaths, takeOver } from "./take-over.ts";
import { routeContext } from "../../http/route-context.ts";

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** Like that of Next.js: it answers everything, and records the requests. */
const host: Listener = (request, response) => {
  request.resume();
  response.end(`host ${request.method} ${request.url}`);
};

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** A server whose requests for `path` are taken over. */
async function start(path: string, listener: Listener | undefined = host) {
  const bus = createBus();
  const context = routeContext(bus);
  const server = createServer();
  if (listener) server.on("request", listener);
  const giveBack = takeOver(path, { context, answer: createStreamRequestListener(context, {}, 0) });
  const port = await listen(server);
  return {
    server,
    port,
    bus,
    giveBack,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      giveBack();
      server.closeAllConnections();
      server.close();
      await bus.close();
    },
  };
}

/** Sends bytes unchanged, and returns what has arrived once it matches. */
async function exchange(port: number, text: string, wanted: RegExp): Promise<string> {
  const socket = connect(port, "127.0.0.1").setEncoding("latin1");
  let received = "";
  socket.write(text);
  for await (const part of socket) {
    received += String(part);
    if (wanted.test(received)) break;
  }
  socket.destroy();
  expect(received).toMatch(wanted);
  return received;
}

const get = (target: string, headers = "", version = "1.1"): string =>
  `GET ${target} HTTP/${version}\r\nHost: localhost\r\n${headers}\r\n`;

const HELLO = /^HTTP\/1\.1 200 [^]*event: hello/;

let paths = 0;
/** A path is taken over in the whole process, so each test has its own. */
const newPath = (): string => `/taken/${++paths}`;

describe("requests for a path that is taken over", () => {
  test("are answered by the package, with any query, and all others by the server's own listeners", async () => {
    const path = newPath();
    await using app = await start(path);
    await exchange(app.port, get(path), HELLO);
    await exchange(app.port, get(`${path}?channel=a&channel=b`), /"channels":\["a","b"\]/);
    await exchange(app.port, get(`${path}?`), HELLO);
    const other = await exchange(app.port, get("/other?x=1"), /host/);
    expect(other).toContain("host GET /other?x=1");
  });

  test.each([
    ["a slash at the end", (path: string) => `${path}/`],
    ["a double slash", (path: string) => `/${path}`],
    ["a double slash within", (path: string) => path.replace("/taken/", "/taken//")],
    ["an encoded letter", (path: string) => path.replace("t", "%74")],
    ["an encoded slash", (path: string) => path.replace("n/", "n%2f")],
    ["capitals", (path: string) => path.toUpperCase()],
    ["a dot segment", (path: string) => path.replace("/taken", "/taken/.")],
    ["a way up", (path: string) => path.replace("/taken", "/x/../taken")],
    ["a backslash", (path: string) => path.replace("n/", "n\\")],
    ["a parameter", (path: string) => `${path};x`],
    ["a fragment", (path: string) => `${path}#x`],
    ["an encoded query", (path: string) => `${path}%3fchannel=a`],
    ["an absolute target", (path: string) => `http://localhost${path}`],
    ["more after it", (path: string) => `${path}1`],
    ["a segment after it", (path: string) => `${path}/x`],
    ["its beginning", (path: string) => path.slice(0, -1)],
  ])("do not include similar paths: %s", async (_, spell) => {
    const path = newPath();
    await using app = await start(path);
    const spelling = spell(path);
    expect(spelling).not.toBe(path);
    const answer = await exchange(app.port, get(spelling), /^HTTP\/1\.1 \d+/);
    // Node.js rejects an invalid target before it emits the request.
    expect(answer).toMatch(/host GET|^HTTP\/1\.1 400/);
    expect(answer).not.toContain("event: hello");
  });

  test("are taken over for every method, and the connection serves the next request", async () => {
    const path = newPath();
    await using app = await start(path);
    const requests = [
      `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello`,
      `OPTIONS ${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
      `HEAD ${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
      get(path, "Accept: application/json\r\n"),
      get("/after"),
    ];
    const answers = await exchange(app.port, requests.join(""), /host GET \/after/);
    const statuses = [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
    expect(statuses).toEqual([405, 204, 200, 406, 200]);
    expect(answers.match(/^allow: GET, HEAD, OPTIONS\r$/gim)).toHaveLength(2);
    expect(answers.match(/"code":"\w+"/g)).toEqual([
      '"code":"METHOD_NOT_ALLOWED"',
      '"code":"NOT_ACCEPTABLE"',
    ]);
  });

  test("over HTTP/1.0 end with the connection and are not chunked", async () => {
    const path = newPath();
    await using app = await start(path);
    const answer = await exchange(app.port, get(path, "", "1.0"), /event: hello/);
    expect(answer).not.toMatch(/transfer-encoding/i);
    expect(answer).toMatch(/connection: close/i);
  });

  test("are answered in order if a connection pipelines them", async () => {
    const path = newPath();
    await using app = await start(path);
    const text = get("/before") + get(path) + get("/behind");
    const answer = await exchange(app.port, text, /event: hello/);
    expect(answer).toContain("host GET /before");
    expect(answer).not.toContain("host GET /behind");
  });

  test("are visible to code that wraps the server's `emit`, such as instrumentation", async () => {
    const path = newPath();
    await using app = await start(path);
    const emit = app.server.emit.bind(app.server) as (...all: unknown[]) => boolean;
    const seen: unknown[] = [];
    app.server.emit = (...all: unknown[]): boolean => {
      if (all[0] === "request") seen.push((all[1] as IncomingMessage).url);
      return emit(...all);
    };
    await exchange(app.port, get(path), HELLO);
    await exchange(app.port, get("/other"), /host GET/);
    expect(seen).toEqual([path, "/other"]);
  });

  test("are upgraded by the application's own listener", async () => {
    const path = newPath();
    await using app = await start(path);
    app.server.on("upgrade", (request, socket) => {
      socket.end(`HTTP/1.1 101 Switching Protocols\r\n\r\nupgraded ${request.url}`);
    });
    const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    await exchange(app.port, get(path, upgrade), new RegExp(`upgraded ${path}`));
    await exchange(app.port, get(path), HELLO);
  });

  test("go to the server's own listeners again after a release", async () => {
    const path = newPath();
    await using app = await start(path);
    app.giveBack();
    app.giveBack();
    await exchange(app.port, get(path), /host GET/);
    expect(takenPaths().map(({ context }) => context?.engine)).not.toContain(
      internalsOf(app.bus).engine,
    );
  });

  test("belong to the latest caller, and an earlier caller's release has no effect", async () => {
    const path = newPath();
    await using app = await start(path);
    await using later = createBus();
    const context = routeContext(later);
    const options = { maxConnections: 1, heartbeatMs: 1234 };
    const giveBack = takeOver(path, {
      context,
      answer: createStreamRequestListener(context, options, 0),
    });
    app.giveBack();
    await exchange(app.port, get(path), /"heartbeatMs":1234/);
    giveBack();
    await exchange(app.port, get(path), /host GET/);
  });

  test("end with the connection if the response fails, and the bus reports the error", async () => {
    const path = newPath();
    const failures: string[] = [];
    await using bus = createBus({ onError: ({ message }) => failures.push(message) });
    await using app = await start(path);
    const fail = (): Promise<void> => Promise.reject(new Error("no"));
    const giveBack = takeOver(path, { context: routeContext(bus), answer: fail });
    await expect(fetch(app.url + path)).rejects.toThrow("fetch failed");
    expect(failures).toEqual(["no"]);
    giveBack();
  });
});

describe("the server's own listeners", () => {
  test("are called with the same `this` and arguments, in their order", async () => {
    const path = newPath();
    await using app = await start(path);
    const calls: unknown[] = [];
    app.server.on("request", function (this: unknown, ...all: unknown[]) {
      calls.push(this === app.server, all.length);
    });
    app.server.prependListener("request", () => calls.push("first"));
    await exchange(app.port, get(path), HELLO);
    expect(calls).toEqual([]);
    await exchange(app.port, get("/other"), /host GET/);
    expect(calls).toEqual(["first", true, 2]);
  });

  test("are listed, counted, added and removed as if nothing were taken over", async () => {
    const path = newPath();
    await using app = await start(path);
    const seen: string[] = [];
    const late: Listener = ({ url }) => seen.push(`late ${url}`);
    const single = ({ url }: IncomingMessage): unknown => seen.push(`once ${url}`);
    expect(app.server.listeners("request")).toEqual([host]);
    await exchange(app.port, get(path), HELLO);
    expect(app.server.listeners("request")).toEqual([host]);
    app.server.on("request", late).once("request", single);
    await exchange(app.port, get(path), HELLO);
    expect(app.server.listeners("request")).toEqual([host, late, single]);
    await exchange(app.port, get("/a"), /host/);
    await exchange(app.port, get("/b"), /host/);
    expect(seen).toEqual(["late /a", "once /a", "late /b"]);
    app.server.off("request", late);
    await exchange(app.port, get("/c"), /host/);
    expect(app.server.listeners("request")).toEqual([host]);
    app.server.once("request", single);
    await exchange(app.port, get(path), HELLO);
    app.server.off("request", single);
    expect(app.server.listeners("request")).toEqual([host]);
    expect(seen).toHaveLength(3);
  });

  test("are not needed", async () => {
    const path = newPath();
    await using app = await start(path, undefined);
    app.server.removeAllListeners("request");
    await exchange(app.port, get(path), HELLO);
    expect(app.server.listenerCount("request")).toBe(0);
  });

  test("may receive requests from within another wrapper, such as a socket library's", async () => {
    const path = newPath();
    await using app = await start(path);
    const own = app.server.listeners("request") as Listener[];
    app.server.removeAllListeners("request");
    app.server.on("request", (request, response) => {
      if (request.url === "/socket") response.end("socket");
      else for (const listener of own) listener.call(app.server, request, response);
    });
    await exchange(app.port, get(path), HELLO);
    await exchange(app.port, get("/socket"), /socket/);
    await exchange(app.port, get("/other"), /host GET \/other/);
  });

  test.each([
    ["without a Host", (path: string) => `GET ${path} HTTP/1.1\r\n\r\n`, 400],
    ["with an unknown expectation", (path: string) => get(path, "Expect: magic\r\n"), 417],
  ])("are restored after Node.js rejects a request %s", async (_, request, status) => {
    const path = newPath();
    await using app = await start(path);
    await exchange(app.port, request(path), new RegExp(`^HTTP/1\\.1 ${status}`));
    expect(app.server.listeners("request")).toEqual([host]);
    await exchange(app.port, get("/other"), /host GET/);
  });

  test("are restored after one request too many on a connection", async () => {
    const path = newPath();
    await using app = await start(path);
    app.server.maxRequestsPerSocket = 1;
    const dropped: (string | undefined)[] = [];
    app.server.on("dropRequest", ({ url }) => dropped.push(url));
    await exchange(app.port, get("/first") + get(path), /host GET \/first/);
    expect(dropped).toEqual([path]);
    expect(app.server.listeners("request")).toEqual([host]);
    await exchange(app.port, get("/other"), /host GET/);
  });

  test("are restored after a rejected request and a stream in one packet", async () => {
    const path = newPath();
    await using app = await start(path);
    const text = get(path, "Expect: magic\r\n") + get("/between") + get(path, "Expect: magic\r\n");
    const answer = await exchange(app.port, text + get(path), /event: hello/);
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(
      [417, 200, 417, 200].map((status) => `HTTP/1.1 ${status}`),
    );
    expect(answer).toContain("host GET /between");
    expect(app.server.listeners("request")).toEqual([host]);
  });

  test("answer a request that a listener of expectations emits later", async () => {
    const path = newPath();
    await using app = await start(path);
    app.server.on("checkContinue", (request, response) => {
      setImmediate(() => app.server.emit("request", request, response));
    });
    await exchange(app.port, get(path, "Expect: 100-continue\r\n"), /host GET/);
    await exchange(app.port, get(path), HELLO);
  });

  test("answer a request emitted while another one is announced", async () => {
    const path = newPath();
    await using app = await start(path);
    let other: [IncomingMessage, ServerResponse] | undefined;
    const hold: Listener = (request, response) => (other = [request, response]);
    app.server.off("request", host).once("request", hold);
    const held = exchange(app.port, get("/held"), /host GET \/held/);
    await expect.poll(() => other).toBeDefined();
    app.server.on("request", host);
    app.server.on("checkContinue", () => app.server.emit("request", ...(other as [never, never])));
    const socket = connect(app.port, "127.0.0.1");
    socket.write(get(path, "Expect: 100-continue\r\n"));
    await held;
    socket.destroy();
    expect(app.server.listeners("request")).toEqual([host]);
  });
});

test.each(["/api/sse", "/api/sse/", "/docs/api/sse", "/a", "/caf%C3%A9", "/a-b_c.d~e/@x"])(
  "%s can be taken over",
  (path) => {
    expect(() => assertTakeOverPath(path)).not.toThrow();
  },
);

test.each([
  "",
  "/",
  "api/sse",
  "//api/sse",
  "/api//sse",
  "/api/sse?channel=a",
  "/api/sse#x",
  "/api/../sse",
  "/api/./sse",
  "/api/%2e%2e/sse",
  "/api/[id]/sse",
  "/api/:id",
  "/api/*",
  "/café",
  "/a b",
  "/a\\b",
  "/a\r\nb",
  "http://localhost/api/sse",
  undefined,
  7,
])("%j cannot be taken over, and the error says which paths can", (path) => {
  expect(() => assertTakeOverPath(path)).toThrow(
    expect.objectContaining({
      code: "INVALID_OPTION",
      message: expect.stringContaining("such as /api/sse"),
    }),
  );
});
