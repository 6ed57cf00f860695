import { expect, test } from "vitest";
import { createKeys, escapeGlob, toGlob } from "./keys.ts";

const plain = { database: 0, isSharded: false };

test("every key of a bus carries one hash tag, and that of no other bus", () => {
  const { bus, probe, log, newest, id } = createKeys("shop", plain);
  for (const key of [bus, probe, log("a{b}"), newest("a"), id("a", "{x}")]) {
    // A cluster hashes what stands between the first brace and the next closing one.
    expect(/\{([^}]*)\}/.exec(key)?.[1]).toBe("shop");
  }
});

test("a channel, its newest values and an idempotency id of one name have keys of their own", () => {
  const { bus, probe, log, newest, id } = createKeys("shop", plain);
  const all = [bus, probe, log("x"), newest("x"), id("x", "x"), log("bus"), log("newest:x")];
  expect(new Set(all).size).toBe(all.length);
});

test("a topic's source is its channel, or a pattern that matches at least what it covers", () => {
  const { source, live } = createKeys("shop", plain);
  expect(source("orders/42")).toEqual({ kind: "channel", name: `${live}orders/42` });
  expect(source("orders/*")).toEqual({ kind: "pattern", name: `${live}orders/*` });
  expect(source("orders/**")).toEqual({ kind: "pattern", name: `${live}orders/*` });
});

test("a prefix with a glob's characters in it stands for itself", () => {
  expect(escapeGlob("a*b?[c]")).toBe(String.raw`a\*b\?\[c\]`);
  expect(createKeys("a*", plain).source("x/*").name).toBe(String.raw`{a\*}:live:x/*`);
  expect(toGlob("*/b/**")).toBe("*/b/*");
});

test("logical databases have pub/sub channels of their own", () => {
  const [zero, three] = [createKeys("shop", plain), createKeys("shop", { ...plain, database: 3 })];
  expect(zero.marks.name).not.toBe(three.marks.name);
  expect(zero.source("a").name).not.toBe(three.source("a").name);
  expect(zero.bus).toBe(three.bus);
});

test("sharded pub/sub has no patterns: they hear all messages, on the slot of the bus", () => {
  const { source, live, all, marks } = createKeys("shop", { database: 0, isSharded: true });
  expect(source("orders/42")).toEqual({ kind: "shard", name: `${live}orders/42` });
  expect(source("orders/*")).toEqual({ kind: "shard", name: all });
  for (const name of [live, all, marks.name]) expect(name).toMatch(/^\{shop\}:/);
});
