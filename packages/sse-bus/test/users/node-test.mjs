// Run by `node --test` on the built package: without Vitest, types or a transform.
/* oxlint-disable typescript/no-floating-promises -- node:test waits for its tests itself */
import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryBackend } from "sse-bus";
import { createSseClient, SseEventSource } from "sse-bus/client";
import {
  createFakeStream,
  createTestBus,
  readEvents,
  testBackend,
  waitForStatus,
} from "sse-bus/testing";

test("a real bus without a server", async (t) => {
  const server = createTestBus();
  const client = createSseClient({ url: server.url, fetch: server.fetch });
  t.after(() => client.close());
  t.after(() => server.close());
  const heard = new Promise((resolve) => client.subscribe("orders/42", resolve));
  await waitForStatus(client, "open");
  const events = await readEvents(`${server.url}?channel=orders/*`, { fetch: server.fetch });
  await server.bus.publish({ total: 42 }, { channel: "orders/42" });
  assert.deepEqual(await heard, { total: 42 });
  assert.equal((await events.next("message")).channel, "orders/42");
  await events.close();
});

test("a stream that the test controls", async (t) => {
  const stream = createFakeStream();
  t.after(() => stream.close());
  const source = new SseEventSource(stream.url, { fetch: stream.fetch });
  t.after(() => source.close());
  const heard = [];
  source.addEventListener("message", ({ data }) => heard.push(JSON.parse(data)));
  await stream.hello();
  await stream.message("one");
  assert.deepEqual(heard, ["one"]);
});

let count = 0;
testBackend({
  test: (name, run) => (count++ < 3 ? test(name, run) : undefined),
  createLog: () => memoryBackend(),
  connect: (log) => log,
});
