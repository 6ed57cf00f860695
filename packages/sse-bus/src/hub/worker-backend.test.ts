import { once } from "node:events";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { expect, test } from "vitest";
import type { Backend } from "../core/backend.ts";
import { createHistoryResolver } from "../core/history.ts";
import { memoryBackend } from "../core/memory-backend.ts";
import { testBackend } from "../testing/test-backend.ts";
import { sizeOf } from "./outbox.ts";
import { createRpc } from "./rpc.ts";
import type { Transport } from "./transport.ts";
import { serveLog, toError } from "./serve-log.ts";
import { workerBackend } from "./worker-backend.ts";

/** A process that holds a log, as the hub's primary process does. */
function logHolder(): { readonly connect: () => Backend } {
  const log = memoryBackend();
  let opened: Promise<void> | undefined;
  return {
    connect() {
      const { port1, port2 } = new MessageChannel();
      serveLog(log, portTransport(port1));
      const backend = workerBackend(portTransport(port2));
      const closed = once(port1, "close");
      return {
        ...backend,
        async open(host) {
          await (opened ??= log.open(host));
          await backend.open(host);
        },
        async close() {
          await backend.close();
          // Sent messages are received before the port closes.
          port2.close();
          await closed;
        },
      };
    },
  };
}

function portTransport(port: MessagePort): Transport {
  return {
    send(message, onSent) {
      port.postMessage(message);
      onSent();
    },
    onMessage: (listener) => void port.on("message", listener),
    onClose: (listener) => void port.on("close", listener),
  };
}

testBackend({ test, createLog: logHolder, connect: (log) => log.connect() });

test("when the transport is lost, waiting and later calls fail with a code", async () => {
  const { port1, port2 } = new MessageChannel();
  const rpc = createRpc(portTransport(port1), { methods: {}, toError });
  const waiting = rpc.call("publish");
  port2.close();
  await expect(waiting).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
  await expect(rpc.call("publish")).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
});

test("an error crosses the transport with its code and its message", async () => {
  const { port1, port2 } = new MessageChannel();
  const log = memoryBackend();
  serveLog(log, portTransport(port1));
  const backend = workerBackend(portTransport(port2));
  // The log was never opened.
  await expect(backend.read("a")).rejects.toMatchObject({
    code: "BUS_CLOSED",
    message: expect.stringContaining("not open"),
  });
  port2.close();
});

test("a message that a channel and a pattern share crosses the transport once", async () => {
  const { port1, port2 } = new MessageChannel();
  const log = memoryBackend();
  const host = {
    history: createHistoryResolver(),
    maxHistoryBytes: 1_000_000,
    onError() {},
    onStatus() {},
    onRestart() {},
  };
  await log.open(host);
  const sent: unknown[] = [];
  const transport = portTransport(port1);
  serveLog(log, {
    ...transport,
    send(message, onSent) {
      sent.push(...JSON.parse(JSON.stringify(message)));
      transport.send(message, onSent);
    },
  });
  const backend = workerBackend(portTransport(port2));
  await backend.open(host);
  const seen: string[] = [];
  const feed = (name: string) => ({
    message: () => void seen.push(name),
    lost() {},
  });
  await backend.subscribe("orders/1", feed("channel"));
  await backend.subscribe("orders/*", feed("pattern"));
  await backend.publish({
    channel: "orders/1",
    event: "message",
    key: undefined,
    json: "1",
    id: undefined,
  });
  expect(seen.toSorted()).toEqual(["channel", "pattern"]);
  const events = sent.filter((frame) => (frame as { method?: string }).method === "events");
  expect(events).toHaveLength(1);
  expect((events[0] as { argument: unknown[] }).argument).toHaveLength(1);
  port2.close();
  await log.close();
});

/** A memory log of 20,000 messages behind a transport that records the size of each send. */
async function longLog() {
  const { port1, port2 } = new MessageChannel();
  const log = memoryBackend();
  const host = {
    history: createHistoryResolver({ maxMessages: 100_000 }),
    maxHistoryBytes: 100_000_000,
    onError() {},
    onStatus() {},
    onRestart() {},
  };
  await log.open(host);
  const entry = { channel: "a", event: "message", key: undefined, json: "1", id: undefined };
  for (let n = 0; n < 20_000; n++) await log.publish({ ...entry, channel: `a/${n % 100}` });
  const sizes: number[] = [];
  let notify = (): void => {};
  const transport = portTransport(port1);
  serveLog(log, {
    ...transport,
    send(message, onSent) {
      sizes.push(sizeOf(message));
      transport.send(message, onSent);
      notify();
    },
  });
  const backend = workerBackend(portTransport(port2));
  await backend.open(host);
  return {
    log,
    backend,
    sizes,
    /** Resolves with the next send. */
    nextSend: async () => new Promise<void>((resolve) => (notify = resolve)),
    async [Symbol.asyncDispose]() {
      port2.close();
      await log.close();
    },
  };
}

test("a long history crosses the transport in pages, and is complete and in order", async () => {
  await using long = await longLog();
  const { messages, horizon } = await long.backend.read("**");
  expect(messages.map(({ seq }) => seq)).toEqual(Array.from({ length: 20_000 }, (_, n) => n + 1));
  expect(horizon).toBe(0);
  expect(long.sizes.length).toBeGreaterThan(10);
  expect(Math.max(...long.sizes)).toBeLessThan(1_000_000);
});

test("simultaneous reads of one topic cross the transport once", async () => {
  await using long = await longLog();
  await long.backend.read("**");
  const once = long.sizes.reduce((sum, size) => sum + size);
  long.sizes.length = 0;
  const reads = await Promise.all(Array.from({ length: 20 }, async () => long.backend.read("**")));
  expect(reads.map(({ messages }) => messages.length)).toEqual(Array(20).fill(20_000));
  // The first one runs; the others share the next one, which starts after their calls.
  expect(long.sizes.reduce((sum, size) => sum + size)).toBeLessThan(2.1 * once);
});

test("a read stops when the last subscription to its topic ends", async () => {
  await using long = await longLog();
  const { close } = await long.backend.subscribe("**", { message() {}, lost() {} });
  await long.backend.read("**");
  expect(long.sizes.length).toBeGreaterThan(10);
  long.sizes.length = 0;
  const read = long.backend.read("**");
  await long.nextSend();
  close();
  await expect(read).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
  // Everything that the log's process sends after the answer to this call.
  await long.backend.readHead();
  expect(long.sizes.length).toBeLessThan(10);
});

test("a read stops at once then, even if its next page does not come", async () => {
  const sent: string[] = [];
  let receive: (message: unknown) => void = () => {};
  const backend = workerBackend({
    send(frames, onSent) {
      onSent();
      for (const { method, call } of frames as { method: string; call?: number }[]) {
        sent.push(method);
        const result = { seq: 0, time: 0, epoch: "e" };
        if (method === "subscribe") queueMicrotask(() => receive([{ answer: call, result }]));
      }
    },
    onMessage: (listener) => void (receive = listener),
    onClose() {},
  });
  const feed = { message() {}, lost() {} };
  const first = await backend.subscribe("a", feed);
  const last = await backend.subscribe("a", feed);
  const read = backend.read("a");
  first.close();
  await expect.poll(() => sent.at(-1)).toBe("unsubscribe");
  expect(sent).toEqual(["subscribe", "subscribe", "read", "unsubscribe"]);
  last.close();
  await expect(read).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
  await expect.poll(() => sent.slice(4)).toEqual(["unsubscribe", "endRead"]);
});
