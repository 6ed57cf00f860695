import { expect, expectTypeOf, test } from "vitest";
import type { Backend, Pending, NewMessage, Stored } from "./backend.ts";
import { createBus } from "./bus.ts";
import type { PendingPublish, Published } from "./bus-types.ts";
import { memoryBackend } from "./memory-backend.ts";

const TX = { name: "an open transaction" };

test("a backend outside the caller's database rejects a transaction, and nothing is published", async () => {
  await using bus = createBus();
  const seen: unknown[] = [];
  bus.subscribe((data) => seen.push(data));
  await expect(bus.publish("half", { tx: TX })).rejects.toMatchObject({
    name: "SseBusError",
    code: "TX_UNSUPPORTED",
    message: expect.stringContaining('"memory"'),
  });
  // An undefined variable must not cause a publish outside the transaction.
  await expect(bus.publish("half", { tx: null })).rejects.toMatchObject({ code: "TX_UNSUPPORTED" });
  await bus.publish("whole", { tx: undefined });
  expect(seen).toEqual(["whole"]);
  expect(bus.stats().published).toBe(1);
});

test("a message published in a transaction has no id and no time, and does not count as published", async () => {
  const { backend, entries } = transactional(({ channel }) => ({
    pending: true,
    channel,
    duplicate: false,
  }));
  await using bus = createBus({ backend });
  const published = await bus.publish({ total: 3 }, { channel: "orders/1", key: "total", tx: TX });
  expect(published).toEqual({
    pending: true,
    channel: "orders/1",
    event: "message",
    data: { total: 3 },
    key: "total",
  });
  expect(entries).toEqual([
    [
      TX,
      {
        channel: "orders/1",
        event: "message",
        key: "total",
        json: '{"total":3}',
        raw: false,
        id: undefined,
      },
    ],
  ]);
  expect(bus.stats().published).toBe(0);
});

test("a repeated id in a transaction resolves to the first message's position, and names no other channel", async () => {
  const first = { seq: 71, time: 1_700_000_000_000, epoch: "e1", channel: "a", duplicate: true };
  const { backend } = transactional(() => first);
  await using bus = createBus({ backend });
  const published = await bus.publish(1, { channel: "b", id: "order 42", tx: TX });
  expect(published).toMatchObject({
    id: "1z-loyw3v28-e1@b",
    channel: "b",
    time: 1_700_000_000_000,
    duplicate: true,
  });
  expect(published.pending).toBeUndefined();
});

test("an error of the transaction's client reaches the caller unchanged", async () => {
  const conflict = Object.assign(new Error("could not serialize access"), { code: "40001" });
  const { backend } = transactional(() => {
    throw conflict;
  });
  await using bus = createBus({ backend });
  await expect(bus.publish(1, { tx: TX })).rejects.toBe(conflict);
});

test("the type of the result shows whether the id may be missing", async () => {
  await using bus = createBus<{ default: { message: number } }>();
  expectTypeOf(() => bus.publish(1)).returns.resolves.toEqualTypeOf<
    Published<"default", "message", number>
  >();
  expectTypeOf(() => bus.publish(1, { key: "k" })).returns.resolves.toEqualTypeOf<
    Published<"default", "message", number>
  >();
  expectTypeOf(() => bus.publish(1, { tx: TX })).returns.resolves.toEqualTypeOf<
    Published<"default", "message", number> | PendingPublish<"default", "message", number>
  >();
  const maybe = undefined as typeof TX | undefined;
  expectTypeOf(() =>
    bus.channel("default").publish(1, { tx: maybe }),
  ).returns.resolves.toEqualTypeOf<
    Published<"default", "message", number> | PendingPublish<"default", "message", number>
  >();
});

/** A memory backend that accepts transactions, and records them. */
function transactional(answer: (entry: NewMessage) => Stored | Pending): {
  backend: Backend;
  entries: unknown[];
} {
  const entries: unknown[] = [];
  const backend: Backend = {
    ...memoryBackend(),
    async publishIn(tx, entry) {
      entries.push([tx, entry]);
      return answer(entry);
    },
  };
  return { backend, entries };
}
