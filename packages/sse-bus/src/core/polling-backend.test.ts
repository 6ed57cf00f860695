import { expect, test } from "vitest";
import { createBus } from "./bus.ts";
import type { BusOptions } from "./bus-types.ts";
import { pollingBackend, type SharedLog } from "./polling-backend.ts";
import { parseCursor } from "./position.ts";

/** A log in this process, to which a test writes what another program might have written. */
function listLog(entries: string[] = []): SharedLog & { readonly entries: string[] } {
  return {
    name: "list",
    entries,
    after: async (seq) => ({ epoch: "e1", entries: entries.slice(seq) }),
    async append(_, seq, entry) {
      if (seq !== entries.length + 1) return false;
      entries.push(entry);
      return true;
    },
  };
}

/** An instance on the log, with the codes and the texts of its errors. */
function startInstance(log: SharedLog, options: BusOptions = {}) {
  const errors: { readonly code?: string; readonly message: string }[] = [];
  const backend = pollingBackend(log, { pollMs: 5 });
  const bus = createBus({ ...options, backend, onError: (error) => errors.push(error) });
  return { bus, errors };
}

const content = { channel: "a", event: "message", json: "1", seq: 2, time: 1 };

const unreadable: readonly (readonly [string, string])[] = [
  ["no JSON", "{oops"],
  ["an empty line", ""],
  ["null", "null"],
  ["a list", "[]"],
  ["without a position", JSON.stringify({ ...content, seq: undefined })],
  ["with a number that came before", JSON.stringify({ ...content, seq: 1 })],
  ["with a number that is none", JSON.stringify({ ...content, seq: "2" })],
  ["with a time that is text", JSON.stringify({ ...content, time: "5" })],
  [
    "with a time that is too large",
    `{"channel":"a","event":"message","json":"1","seq":2,"time":1e999}`,
  ],
  ["with a time beyond what a cursor holds", JSON.stringify({ ...content, time: 36 ** 9 })],
  ["with a time of fractions", JSON.stringify({ ...content, time: 0.5 })],
  ["without a channel", JSON.stringify({ ...content, channel: undefined })],
  ["with a channel that is no text", JSON.stringify({ ...content, channel: { toString: 1 } })],
  ["with a channel that is no name", JSON.stringify({ ...content, channel: "a\nb" })],
  ["with an event of the protocol", JSON.stringify({ ...content, event: "bye" })],
  ["with a key that is no text", JSON.stringify({ ...content, key: 7 })],
  ["with data that is no JSON", JSON.stringify({ ...content, json: "{oops" })],
  ["with data of two lines", JSON.stringify({ ...content, json: "[1,\n2]" })],
  ["with raw data that is no text", JSON.stringify({ ...content, raw: true })],
];

test.each(unreadable)("an entry that is %s is reported once and skipped", async (_, entry) => {
  const log = listLog();
  const { bus, errors } = startInstance(log);
  await using _bus = bus;
  const seen: unknown[][] = [[], []];
  const gaps: unknown[] = [];
  const onGap = (gap: unknown): void => void gaps.push(gap);
  bus.subscribe((data, { id }) => seen[0]?.push([data, parseCursor(id)?.seq]), {
    channel: "a",
    onGap,
  });
  bus.subscribe((data, { id }) => seen[1]?.push([data, parseCursor(id)?.seq]), {
    channel: "**",
    onGap,
  });
  const first = await bus.publish("before", { channel: "a" });
  log.entries.push(entry);
  const { id } = await bus.publish("after", { channel: "a" });

  // It has its number: the next message has the number after it.
  const expected = [
    ["before", 1],
    ["after", 3],
  ];
  await expect.poll(() => seen).toEqual([expected, expected]);
  expect(await bus.cursor()).toBe(id.split("@")[0]);
  expect(gaps).toEqual([]);
  expect(errors).toEqual([expect.objectContaining({ code: "INVALID_DATA" })]);
  expect(errors[0]?.message).toMatch(/^(Message|Entry) 2 of .* left out because it cannot be read/);

  // An instance that starts later reads it from history.
  const other = startInstance(log);
  await using _other = other.bus;
  const replayed: unknown[] = [];
  other.bus.subscribe((data) => replayed.push(data), { channel: "a", after: first.id, onGap });
  await expect.poll(() => replayed).toEqual(["after"]);
  await other.bus.publish("last", { channel: "a" });
  expect(replayed).toEqual(["after", "last"]);
  await expect.poll(() => seen[0]?.at(-1)).toEqual(["last", 4]);
  expect(gaps).toEqual([]);
  expect(other.errors).toEqual([expect.objectContaining({ code: "INVALID_DATA" })]);
  expect(errors).toHaveLength(1);
});

test("an idempotency id that is no text leaves its message readable, and is not remembered", async () => {
  const stored = { ...content, seq: 1, time: Date.now(), id: { length: 1 } };
  const log = listLog([JSON.stringify(stored)]);
  const { bus, errors } = startInstance(log);
  await using _bus = bus;
  const seen: unknown[] = [];
  bus.subscribe((data) => seen.push(data), { channel: "a", after: "0-0-e1", onGap() {} });
  await bus.publish("next", { channel: "a", id: "x" });
  await bus.publish("again", { channel: "a", id: "x" });
  await expect.poll(() => seen).toEqual([1, "next"]);
  expect(errors).toEqual([]);
});
