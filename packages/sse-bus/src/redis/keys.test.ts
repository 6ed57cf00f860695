import { expect, test } from "vitest";
import { createKeys, escapeGlob, toGlob } from "./keys.ts";

const plain = { database: 0, isSharded: false };

test("all keys of a bus share one hash tag, which no other bus has", () => {
  const { bus, probe, log, newest, id } = createKeys("shop", plain);
  for (const key of [bus, probe, log("a{b}"), newest("a"), id("a", "{x}")]) {
    // A cluster hashes the text between the first brace and the next closing one.
    expect(/\{([^}]*)\}/.exec(key)?.[1]).toBe("shop");
  }
});

test("the history, the newest messages and an idempotency id of one name have different keys", () => {
  const { bus, probe, log, newest, id } = createKeys("shop", plain);
  const all = [bus, probe, log("x"), newest("x"), id("x", "x"), log("bus"), log("newest:x")];
  expect(new Set(all).size).toBe(all.length);
});

test("a topic's pub/sub name is its channel, or a pattern that matches at least what the topic covers", () => {
  const { pubSub, live } = createKeys("shop", plain);
  expect(pubSub("orders/42")).toEqual({ kind: "channel", name: `${live}orders/42` });
  expect(pubSub("orders/*")).toEqual({ kind: "pattern", name: `${live}orders/*` });
  expect(pubSub("orders/**")).toEqual({ kind: "pattern", name: `${live}orders/*` });
});

test("reserved channels are announced under names that no pattern of the bus matches", () => {
  for (const isSharded of [false, true]) {
    const { pubSub, reserved, live, all } = createKeys("shop", { database: 0, isSharded });
    expect(pubSub("~a")).toEqual({ kind: isSharded ? "shard" : "channel", name: `${reserved}~a` });
    expect(`${reserved}~a`.startsWith(live)).toBe(false);
    expect(reserved).not.toBe(all);
  }
});

test("glob characters in a prefix are matched literally", () => {
  expect(escapeGlob("a*b?[c]")).toBe(String.raw`a\*b\?\[c\]`);
  expect(createKeys("a*", plain).pubSub("x/*").name).toBe(String.raw`{a\*}:live:x/*`);
  expect(toGlob("*/b/**")).toBe("*/b/*");
});

test("each logical database has its own pub/sub channels", () => {
  const [zero, three] = [createKeys("shop", plain), createKeys("shop", { ...plain, database: 3 })];
  expect(zero.headMarkers.name).not.toBe(three.headMarkers.name);
  expect(zero.pubSub("a").name).not.toBe(three.pubSub("a").name);
  expect(zero.bus).toBe(three.bus);
});

test("patterns with sharded pub/sub subscribe to all messages, on the slot of the bus", () => {
  const { pubSub, live, all, headMarkers } = createKeys("shop", { database: 0, isSharded: true });
  expect(pubSub("orders/42")).toEqual({ kind: "shard", name: `${live}orders/42` });
  expect(pubSub("orders/*")).toEqual({ kind: "shard", name: all });
  for (const name of [live, all, headMarkers.name]) expect(name).toMatch(/^\{shop\}:/);
});
