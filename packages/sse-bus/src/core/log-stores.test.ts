import { expect, test } from "vitest";
import { createHistoryResolver } from "./history.ts";
import { openLog, storeMessage } from "./log-store.ts";
import { closeStores, createLogStores, storeOf } from "./log-stores.ts";
import { createMessage } from "./message.ts";

function setUp(maxHistoryBytes: number) {
  const stores = createLogStores(createHistoryResolver(), maxHistoryBytes, true);
  let seq = 0;
  const put = (channel: string): void => {
    const position = { seq: ++seq, time: Date.now() };
    const content = { channel, event: "message", key: undefined, json: `"${"x".repeat(1000)}"` };
    const store = storeOf(stores, channel);
    storeMessage(store, openLog(store, channel), createMessage(content, position, "e"), Date.now());
  };
  return { stores, put };
}

test("what reserved channels store evicts nothing of other channels, and raises no horizon of theirs", () => {
  const { stores, put } = setUp(5000);
  put("a");
  for (let n = 0; n < 100; n++) put(`~${n}`);
  expect(stores.ordinary.logs.get("a")?.horizon).toBe(0);
  expect(stores.ordinary.freedHorizon).toBe(0);
  expect(stores.reserved.logs.size).toBe(100);
  closeStores(stores);
});

test("what other channels store evicts nothing of reserved ones, and their own total is bounded", () => {
  const { stores, put } = setUp(5000);
  put("~control");
  for (let n = 0; n < 100; n++) put("a");
  expect(stores.reserved.logs.get("~control")?.horizon).toBe(0);
  for (let n = 0; n < 60_000; n++) put(`~${n % 20}`);
  expect(stores.reserved.bytes).toBeLessThanOrEqual(67_108_864);
  closeStores(stores);
  expect([stores.ordinary.bytes, stores.reserved.bytes]).toEqual([0, 0]);
});
