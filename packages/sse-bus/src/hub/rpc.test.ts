import { expect, test, vi } from "vitest";
import { createHistoryResolver } from "../core/history.ts";
import { memoryBackend } from "../core/memory-backend.ts";
import { sizeOf } from "./outbox.ts";
import { CALL_TIMEOUT_S, createRpc, MAX_WAITING_BYTES } from "./rpc.ts";
import type { Transport } from "./transport.ts";
import { serveLog, toError } from "./serve-log.ts";
import { workerBackend } from "./worker-backend.ts";

/** Two ends of a transport; each can stop reading what the other one sends. */
function pair() {
  const ends = [0, 1].map(() => ({
    isStopped: false,
    inbox: [] as { readonly message: unknown; readonly onSent: () => void }[],
    listeners: [] as ((message: unknown) => void)[],
    closers: [] as (() => void)[],
  }));
  const deliver = (to: (typeof ends)[number]): void => {
    for (const { message, onSent } of to.inbox.splice(0)) {
      onSent();
      for (const listener of to.listeners) listener(message);
    }
  };
  const transportOf = (own: number): Transport => {
    const [self, other] = [
      ends[own] as (typeof ends)[number],
      ends[1 - own] as (typeof ends)[number],
    ];
    return {
      send(message, onSent) {
        other.inbox.push({ message: structuredClone(message), onSent });
        queueMicrotask(() => {
          if (!other.isStopped) deliver(other);
        });
      },
      onMessage: (listener) => void self.listeners.push(listener),
      onClose: (listener) => void self.closers.push(listener),
    };
  };
  return {
    transports: [transportOf(0), transportOf(1)] as const,
    /** Bytes sent to one end that it has not read. */
    handed: (end: 0 | 1) => sizeOf(ends[end]?.inbox.map(({ message }) => message)),
    stop: (end: 0 | 1) => void ((ends[end] as (typeof ends)[number]).isStopped = true),
    goOn(end: 0 | 1) {
      const own = ends[end] as (typeof ends)[number];
      own.isStopped = false;
      deliver(own);
    },
    close: () => ends.flatMap(({ closers }) => closers).forEach((closer) => closer()),
  };
}

const settled = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a side that reads nothing gets a megabyte, and calls fail once too much waits for it", async () => {
  const { transports, stop, goOn, handed, close } = pair();
  createRpc(transports[1], { methods: { echo: (text: string) => text.length }, toError });
  const rpc = createRpc(transports[0], { methods: {}, toError });
  stop(1);
  const text = "x".repeat(1_000_000);
  const calls = Array.from({ length: 100 }, async () =>
    rpc.call("echo", text).catch((e) => e.code),
  );
  await settled();
  expect(handed(1)).toBeLessThan(3_000_000);
  expect(rpc.waitingBytes()).toBeLessThan(MAX_WAITING_BYTES + 2_000_000);
  goOn(1);
  const answers = await Promise.all(calls);
  expect(answers.filter((answer) => answer === text.length).length).toBeGreaterThan(10);
  expect(answers.filter((answer) => answer === "BACKEND_UNAVAILABLE").length).toBeGreaterThan(10);
  expect(rpc.waitingBytes()).toBe(0);
  close();
});

test("a call without a response is rejected in time, and not sent later", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  try {
    const { transports, stop, goOn, close } = pair();
    const seen: number[] = [];
    createRpc(transports[1], {
      methods: { note: ({ n }: { n: number }) => seen.push(n) },
      toError,
    });
    const rpc = createRpc(transports[0], { methods: {}, toError });
    stop(1);
    const calls = Array.from({ length: 12 }, (_, n) =>
      rpc.call("note", { n, filling: "x".repeat(500_000) }),
    );
    const outcomes = Promise.allSettled(calls);
    await settled();
    vi.advanceTimersByTime((CALL_TIMEOUT_S + 1) * 1000);
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ reason: { code: "BACKEND_UNAVAILABLE" } });
    }
    goOn(1);
    await settled();
    expect(seen, "those that had already been sent").toEqual([0, 1, 2]);
    close();
  } finally {
    vi.useRealTimers();
  }
});

test("a worker that reads nothing loses what is beyond the limit, and the loss is reported before anything later", async () => {
  const { transports, stop, goOn, close } = pair();
  const log = memoryBackend();
  const onError = vi.fn();
  const host = {
    history: createHistoryResolver({ maxBytes: 1_000_000 }),
    maxHistoryBytes: 1_000_000,
    onError,
    onStatus() {},
    onRestart() {},
  };
  await log.open(host);
  const served = serveLog(log, transports[0]);
  const backend = workerBackend(transports[1]);
  await backend.open(host);
  const seen: string[] = [];
  const { cursor } = await backend.subscribe("a", {
    message: ({ seq }) => void seen.push(`${seq}`),
    lost: (seq) => void seen.push(`lost ${seq}`),
  });
  stop(1);
  const json = JSON.stringify("x".repeat(1_000_000));
  const entry = { channel: "a", event: "message", key: undefined, json, id: undefined };
  for (let n = 1; n <= 60; n++) await log.publish(entry);
  await settled();
  expect(served.waitingBytes()).toBeLessThan(MAX_WAITING_BYTES + 2_000_000);
  goOn(1);
  await settled();
  await log.publish({ ...entry, json: "1" });
  await settled();
  const lost = seen.findIndex((entry) => entry.startsWith("lost"));
  const first = cursor.seq + 1;
  expect(seen.slice(0, lost)).toEqual(Array.from({ length: lost }, (_, n) => `${first + n}`));
  expect(lost).toBeGreaterThan(10);
  expect(seen.slice(lost)).toEqual([`lost ${cursor.seq + 60}`, `${cursor.seq + 61}`]);
  expect(backend.head().seq).toBe(cursor.seq + 61);
  close();
  await log.close();
});

test("the response to a new subscription never arrives before a loss that is not yet reported", async () => {
  const { transports, stop, goOn, close } = pair();
  const log = memoryBackend();
  const host = {
    history: createHistoryResolver(),
    maxHistoryBytes: 1_000_000,
    onError() {},
    onStatus() {},
    onRestart() {},
  };
  await log.open(host);
  serveLog(log, transports[0]);
  const backend = workerBackend(transports[1]);
  await backend.open(host);
  const seen: string[] = [];
  await backend.subscribe("a", { message() {}, lost: (seq) => void seen.push(`lost ${seq}`) });
  stop(1);
  const json = JSON.stringify("x".repeat(1_000_000));
  const entry = { channel: "a", event: "message", key: undefined, json, id: undefined };
  for (let n = 1; n <= 40; n++) await log.publish(entry);
  // Requested before the worker reads anything, answered after.
  const subscribed = backend
    .subscribe("b", { message() {}, lost() {} })
    .then(({ cursor }) => seen.push(`at ${cursor.seq}`));
  await settled();
  goOn(1);
  await subscribed;
  expect(seen).toEqual(["lost 40", "at 40"]);
  close();
  await log.close();
});
