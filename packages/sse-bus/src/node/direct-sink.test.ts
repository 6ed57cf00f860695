import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { actAsNextsOwnServer, nextLike, startHost } from "../../test/support/next-like-host.ts";
import { createBus, internalsOf } from "../core/bus.ts";
import { connectionsOf } from "../http/connections.ts";
import { createStreamHandler } from "../http/stream-handler.ts";
import { installExchange } from "./exchange.ts";
import { proveFastPaths } from "./undocumented/prove-fast-paths.ts";
import { routeContext } from "../http/route-context.ts";

beforeAll(async () => {
  await proveFastPaths(["direct-sink", "host-release"], (error) => expect.fail(error.message));
});

/** Runs `within` during a request of node:http, like code in a route handler. */
async function withinRequest(within: (response: ServerResponse) => Promise<void>): Promise<void> {
  await installExchange();
  let failure: unknown;
  const server = createServer((_, response) => {
    void within(response)
      .catch((error: unknown) => (failure = error))
      .finally(() => response.end());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)).text();
  server.close();
  if (failure) throw failure as Error;
}

test("a stream that is read within another request ends with the signal of its own request", async () => {
  await using bus = createBus();
  const handle = createStreamHandler(routeContext(bus), {}, nextLike);
  await withinRequest(async () => {
    const abort = new AbortController();
    const { body } = await handle(new Request("http://x/api/sse", { signal: abort.signal }));
    const reader = (body as ReadableStream<Uint8Array>).getReader();
    expect(String(Buffer.from((await reader.read()).value ?? []))).toContain("event: hello");
    expect(bus.stats().connections).toBe(1);
    abort.abort();
    expect(bus.stats().connections).toBe(0);
  });
});

test("a stream that is not read ends with its request's signal", async () => {
  await using bus = createBus();
  const handle = createStreamHandler(routeContext(bus), {}, nextLike);
  await withinRequest(async () => {
    const abort = new AbortController();
    await handle(new Request("http://x/api/sse", { signal: abort.signal }));
    expect(bus.stats().connections).toBe(1);
    abort.abort();
    expect(bus.stats().connections).toBe(0);
  });
});

test("Next.js, which pipes the body, sees a closed response, and the stream continues", async () => {
  actAsNextsOwnServer();
  await using bus = createBus();
  await using host = await startHost(bus);
  const stream = await host.open();
  expect(await stream.read()).toContain("event: hello");
  expect(host.closes()).toBe(1);
  await bus.publish("one");
  expect(await stream.read()).toContain('data: "one"');
  stream.leave();
  await expect.poll(() => bus.stats().connections).toBe(0);
  // `close` is emitted once.
  expect(host.closes()).toBe(1);
});

test("a stream that waits behind another one ends with its connection", async () => {
  actAsNextsOwnServer();
  await using bus = createBus();
  await using host = await startHost(bus);
  const client = connect(host.port, "127.0.0.1");
  client.write("GET /api/sse HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(2));
  await expect.poll(() => bus.stats().connections).toBe(2);
  // Both are read by their host.
  await bus.publish("one");
  client.destroy();
  await expect.poll(() => bus.stats().connections).toBe(0);
});

test("code that watches requests sees `close` once, when the client disconnects", async () => {
  actAsNextsOwnServer();
  await using bus = createBus();
  await using host = await startHost(bus);
  const told: string[] = [];
  const watch = (message: unknown): void => {
    const { response } = message as { response: ServerResponse };
    const forget = (): void => void told.push("never, because it has removed its listener");
    response.on("close", () => told.push("on"));
    response.once("close", () => told.push("once"));
    response.on("close", forget);
    response.once("pipe", () => response.off("close", forget));
  };
  subscribe("http.server.request.start", watch);
  onTestFinished(() => void unsubscribe("http.server.request.start", watch));
  const stream = await host.open();
  expect(await stream.read()).toContain("event: hello");
  expect(host.closes()).toBe(1);
  await bus.publish("one");
  expect(await stream.read()).toContain('data: "one"');
  expect(told).toEqual([]);
  stream.leave();
  await expect.poll(() => told).toEqual(["on", "once"]);
});

test("a custom server, whose listeners cannot be distinguished from those of Next.js, sees `close` at the end", async () => {
  await using bus = createBus();
  await using host = await startHost(bus);
  const stream = await host.open();
  expect(await stream.read()).toContain("event: hello");
  await bus.publish("one");
  expect(await stream.read()).toContain('data: "one"');
  expect([...connectionsOf(internalsOf(bus)).open].map((open) => open.sink())).toEqual(["direct"]);
  expect(host.closes()).toBe(0);
  stream.leave();
  await expect.poll(() => host.closes()).toBe(1);
});
