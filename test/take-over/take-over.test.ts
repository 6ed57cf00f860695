import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { countSinks } from "../direct-sink/direct-app.ts";
import { rawClient, takeResponse } from "../support/raw-client.ts";
import { type EventStream, openStream } from "../support/event-stream.ts";
import { publish } from "../support/http-api.ts";
import { copyDemo } from "../support/demo-copy.ts";
import { type NextServer, startNext } from "../support/next-server.ts";
import { heapReporterArgs, serverHeap } from "../support/server-heap.ts";
import { testAppFiles } from "../support/test-app-files.ts";
import { builtTestApp } from "../support/test-app.ts";
import { waitFor } from "../support/wait-for.ts";
import { type Host, startTaken } from "./take-over-app.ts";

// The app's proxy.ts marks every response below /api with `X-Proxied`: Next.js never saw an unmarked one.

let app: NextServer;

beforeAll(async () => {
  app = await startTaken("next start", { env: { SSE_BUS_TRUST_PROXY: "1" } });
}, 500_000);

afterAll(async () => {
  await app?.[Symbol.asyncDispose]();
});

const get = (target: string, headers = ""): string =>
  `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n`;

/** The response to a target that is sent unchanged. */
async function ask(target: string, headers = ""): Promise<string> {
  await using client = await rawClient(app.port);
  client.send(get(target, headers));
  // Awaited here, or the client would be disposed.
  return await client.until(/\r\n\r\n/);
}

const statusOf = (answer: string): number => Number(answer.slice(9, 12));

describe.each<Host>(["next start", "the standalone server", "a custom server"])("on %s", (host) => {
  test("streams never reach Next.js, everything else does, and SIGTERM ends all streams", async () => {
    await using server = await startTaken(host);
    const streams = await Promise.all(
      Array.from({ length: 50 }, () => openStream(`${server.url}/api/sse?channel=here`)),
    );
    for (const stream of streams) {
      expect(stream.headers["x-proxied"]).toBeUndefined();
      await stream.next("hello");
    }
    expect(await countSinks(server.url)).toEqual({ direct: 50, web: 0 });
    await publish(server.url, { data: "to all", channel: "here" });
    for (const stream of streams) expect((await stream.next("message")).json()).toBe("to all");

    const other = await fetch(`${server.url}/api/lively`);
    expect(other.headers.get("x-proxied")).toBe("yes");
    await other.body?.cancel();
    expect(await (await fetch(server.url)).text()).toContain("Watch messages arrive");
    const metrics = await (await fetch(`${server.url}/api/metrics`)).text();
    expect(metrics).toMatch(/^sse_bus_connections 5[01]$/m);

    const started = performance.now();
    server.process.signal("SIGTERM");
    for (const stream of streams) await expectDrain(stream);
    await server.process.exited;
    // A wait for idle connections would take 5 s.
    expect(performance.now() - started).toBeLessThan(4500);
  }, 500_000);
});

async function expectDrain(stream: EventStream): Promise<void> {
  expect((await stream.next("bye")).json()).toMatchObject({ reason: "drain" });
  expect(await stream.closed).toBe("end");
}

test("without the option, Next.js serves the streams", async () => {
  const testApp = await builtTestApp();
  await using server = await testApp.start();
  await countSinks(server.url);
  await using stream = await openStream(`${server.url}/api/sse`);
  expect(stream.headers["x-proxied"]).toBe("yes");
}, 500_000);

test("in development the route serves streams, so that edits apply", async () => {
  await using copy = await copyDemo({ files: testAppFiles });
  await using server = await startNext("dev", { folder: copy.folder, env: { TAKE_OVER: "1" } });
  await countSinks(server.url);
  await using stream = await openStream(`${server.url}/api/sse`, { timeoutMs: 60_000 });
  expect(stream.headers["x-proxied"]).toBe("yes");
}, 120_000);

test.each([
  "/api/sse/",
  "//api/sse",
  "/api//sse",
  "/api/%73se",
  "/api%2fsse",
  "/api/./sse",
  "/x/../api/sse",
  "/API/SSE",
  "/api/sse;x",
  "/api/sse%3fchannel=a",
  "http://localhost/api/sse",
])("%s, which only resembles a path that is taken over, is left to Next.js", async (target) => {
  const answer = await ask(target);
  // The route behind proxy.ts, which resolves dots; or a redirect, or a page that says 404.
  if (statusOf(answer) === 200) expect(answer).toMatch(/^x-proxied: yes\r$/im);
  else expect([308, 404]).toContain(statusOf(answer));
});

describe("a path that is guarded", () => {
  const url = (query = ""): string => `${app.url}/api/guarded${query}`;
  const cookie = { Cookie: "session=1" };

  test("calls `authorize` with the whole request, and refuses as the route does", async () => {
    const refused = await fetch(url());
    expect(refused.status).toBe(401);
    expect(refused.headers.get("x-proxied")).toBeNull();
    expect(refused.headers.get("www-authenticate")).toBe("Bearer");
    expect(await refused.json()).toMatchObject({ code: "UNAUTHORIZED" });
    await using stream = await openStream(url("?channel=secret"), { headers: cookie });
    await stream.next("hello");
    await publish(app.url, { data: "for eyes only", channel: "secret" });
    expect((await stream.next("message")).json()).toBe("for eyes only");
  });

  test("does not support next/headers in `authorize`: such a call is refused", async () => {
    const refused = await fetch(url("?cookies"), { headers: cookie });
    expect(refused.status).toBe(403);
    expect(app.process.output()).toContain("AUTHORIZATION_FAILED");
    // Next.js supports them, and it serves this spelling.
    const answer = await ask("/api/./guarded?cookies", "Cookie: session=1\r\n");
    expect(statusOf(answer)).toBe(200);
  });

  test.each([
    "/api/guarded/",
    "/api//guarded",
    "/api/./guarded",
    "/x/../api/guarded",
    "/api/%67uarded",
    "http://localhost/api/guarded",
  ])("cannot be read without its guard as %s", async (target) => {
    const answer = await ask(`${target}?channel=secret`);
    expect([308, 401, 404]).toContain(statusOf(answer));
  });

  test("can be read by pages of allowed origins", async () => {
    const own = { ...cookie, Origin: "https://app.example" };
    await using stream = await openStream(url(), { headers: own });
    expect(stream.headers["access-control-allow-origin"]).toBe("https://app.example");
    const preflight = await fetch(url(), { method: "OPTIONS", headers: own });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-methods")).toBe("GET, HEAD, OPTIONS");
  });

  test("counts clients behind a trusted proxy by the forwarded address", async () => {
    const headers = { ...cookie, "X-Forwarded-For": "203.0.113.9" };
    await using first = await openStream(url(), { headers });
    await using second = await openStream(url(), { headers });
    for (const stream of [first, second]) await stream.next("hello");
    const refused = await fetch(url(), { headers });
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("10");
    await using other = await openStream(url(), {
      headers: { ...cookie, "X-Forwarded-For": "203.0.113.10" },
    });
    await other.next("hello");
  });
});

test("a refusal leaves the connection open for the next request, of either kind", async () => {
  await using client = await rawClient(app.port);
  const requests = [
    "POST /api/sse HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}",
    "GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /api/guarded HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /api/sse HTTP/1.1\r\nHost: localhost\r\n\r\n",
  ];
  const statuses: string[] = [];
  let seen = 0;
  for (const request of requests) {
    client.send(request);
    await waitFor("an answer", () => /\r\n\r\n[^]*(\}|\n\n)/.test(client.text().slice(seen)));
    const answer = client.text().slice(seen);
    statuses.push(answer.slice(9, 12));
    if (request !== requests.at(-1)) takeResponse(answer);
    seen = client.text().length;
  }
  expect(statuses).toEqual(["405", "200", "401", "200"]);
});

test("a stream request in flight when the drain begins is refused", async () => {
  await using server = await startTaken("next start");
  await using stream = await openStream(`${server.url}/api/sse`);
  await stream.next("hello");
  // Connections without a request are closed: this one has had a response, and half of the next request.
  await using late = await rawClient(server.port);
  late.send("GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /api/sse HTTP/1.1\r\nHost: l");
  await late.until('"status":"ok"');
  server.process.signal("SIGTERM");
  await expectDrain(stream);
  late.send("ocalhost\r\n\r\n");
  const refusal = await late.until('"code":"DRAINING"');
  expect(refusal).toMatch(/HTTP\/1\.1 503 [^]*retry-after: \d+\r$/im);
  await server.process.exited;
});

test("a connection uses half the heap of one that Next.js has released", async () => {
  const STREAMS = 300;
  const perConnection = async (path: string): Promise<number> => {
    await using server = await startTaken("next start", { nodeArgs: heapReporterArgs });
    const open = (count: number): Promise<EventStream[]> =>
      Promise.all(
        Array.from({ length: count }, async () => {
          const stream = await openStream(server.url + path);
          await stream.next("hello", { timeoutMs: 20_000 });
          return stream;
        }),
      );
    // The one-time cost of code and caches.
    await open(20);
    const before = await serverHeap(server);
    await open(STREAMS);
    const after = await serverHeap(server);
    server.process.signal("SIGTERM");
    await server.process.exited;
    return (after - before) / STREAMS / 1024;
  };
  const taken = await perConnection("/api/sse");
  // The same stream on the same server, served by its route.
  const routed = await perConnection("/api/lively");
  const figures = `${taken.toFixed(1)} KB taken over, ${routed.toFixed(1)} KB through Next`;
  console.log(`heap per open stream: ${figures}`);
  expect(taken, figures).toBeLessThan(8);
  expect(taken, figures).toBeLessThan(routed * 0.6);
}, 500_000);
