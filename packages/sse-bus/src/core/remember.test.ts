import { expect, test } from "vitest";
import type { Stored } from "./backend.ts";
import { createRememberedIds, MAX_IDS, MIN_CHANNEL_IDS, recall, remember } from "./remember.ts";

const stored = (channel: string, seq: number): Stored => {
  return { channel, seq, time: 1, epoch: "e", duplicate: false };
};

test("the ids of a busy channel do not displace those of another channel", () => {
  const ids = createRememberedIds();
  remember(ids, "order 1", stored("orders", 1));
  for (let n = 0; n < MAX_IDS + 10; n++) remember(ids, `${n}`, stored("busy", n));
  expect(recall(ids, "orders", "order 1")).toMatchObject({ seq: 1 });
  expect(ids.size).toBeLessThanOrEqual(2 * MIN_CHANNEL_IDS + 1);
  expect(recall(ids, "busy", `${MAX_IDS + 10 - MIN_CHANNEL_IDS}`)).toBeDefined();
  expect(recall(ids, "busy", "0")).toBeUndefined();
});

test("the ids of several busy channels displace their own first", () => {
  const ids = createRememberedIds();
  remember(ids, "order 1", stored("orders", 1));
  for (let n = 0; n < 1.2 * MAX_IDS; n++) remember(ids, `${n}`, stored(`busy/${n % 50}`, n));
  expect(recall(ids, "orders", "order 1")).toMatchObject({ seq: 1 });
  expect(ids.size).toBeLessThan(MAX_IDS + 100);
});

test("the ids of many channels are bounded together: the least recently used is forgotten first", () => {
  const ids = createRememberedIds();
  for (let n = 0; n < MAX_IDS + 10; n++) remember(ids, "id", stored(`a/${n}`, n));
  expect([ids.size, ids.channels.size, ids.recency.size]).toEqual([MAX_IDS, MAX_IDS, MAX_IDS]);
  expect(recall(ids, "a/9", "id")).toBeUndefined();
  expect(recall(ids, "a/10", "id")).toMatchObject({ seq: 10 });
});
