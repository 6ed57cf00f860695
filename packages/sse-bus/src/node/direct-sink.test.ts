import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { createBus, internalsOf } from "../core/bus.ts";
import { createStreamHandler } from "../http/stream-handler.ts";
import { openDirectSink } from "./direct-sink.ts";
import { installExchange } from "./exchange.ts";

const host = { socketIp: () => undefined, trustedProxies: 0, openSink: openDirectSink };

/** Runs `within` while a request of node:http is answered, as code in a route handler is. */
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

test("a stream that is read within another request ends with the signal of its own", async () => {
  await using bus = createBus();
  const handle = createStreamHandler(internalsOf(bus), {}, host);
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

test("a stream that nobody has read ends with its request's signal", async () => {
  await using bus = createBus();
  const handle = createStreamHandler(internalsOf(bus), {}, host);
  await withinRequest(async () => {
    const abort = new AbortController();
    await handle(new Request("http://x/api/sse", { signal: abort.signal }));
    expect(bus.stats().connections).toBe(1);
    abort.abort();
    expect(bus.stats().connections).toBe(0);
  });
});

test("a host that pipes the body is told that its client has left, and the stream goes on", async () => {
  await using bus = createBus();
  const handle = createStreamHandler(internalsOf(bus), {}, host);
  await installExchange();
  let closes = 0;
  const server = createServer((request, response) => {
    const abort = new AbortController();
    response.on("close", () => {
      closes++;
      abort.abort();
    });
    void handle(new Request(`http://x${request.url}`)).then(async ({ body, headers }) => {
      response.setHeaders(headers);
      const to = new WritableStream({
        write: (bytes) => void response.write(bytes),
        abort: (error) => void response.destroy(error as Error),
        close: () => void response.end(),
      });
      await body?.pipeTo(to, { signal: abort.signal }).catch(() => {});
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const reading = new AbortController();
  const { body } = await fetch(`http://127.0.0.1:${port}/`, { signal: reading.signal });
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  const read = async (): Promise<string> => String(Buffer.from((await reader.read()).value ?? []));
  expect(await read()).toContain("event: hello");
  expect(closes).toBe(1);
  await bus.publish("one");
  expect(await read()).toContain('data: "one"');
  reading.abort();
  await expect.poll(() => bus.stats().connections).toBe(0);
  server.close();
  await once(server, "close");
  // Who was told once is not told again.
  expect(closes).toBe(1);
});
