import { expect, test } from "vitest";
import type { LiveMessage } from "../core/live/live-types.ts";
import type { ReadyReducer } from "./ready-reducer.ts";
import { counters, lastMessages, newestByKey, newestValue } from "./reducers.ts";

// oxlint-disable-next-line typescript/no-explicit-any -- reducers of any data
function fold(reducer: ReadyReducer<unknown, any>, ...all: unknown[]): unknown {
  let value = reducer.initial;
  for (const [index, data] of all.entries()) value = reducer(value, data, messageOf(index));
  return value;
}

function messageOf(index: number): LiveMessage {
  return { id: `${index}`, channel: `c/${index % 2}`, event: "message", time: index };
}

test("newestValue is the data of the newest message", () => {
  expect(fold(newestValue())).toBeUndefined();
  expect(fold(newestValue(), 1, 2)).toBe(2);
  expect(newestValue()).toBe(newestValue());
});

test("newestByKey is the newest data of each key, named by a property or a function", () => {
  const [a1, b, a2] = [
    { id: "a", n: 1 },
    { id: "b", n: 2 },
    { id: "a", n: 3 },
  ];
  expect(fold(newestByKey("id"))).toEqual({});
  expect(fold(newestByKey("id"), a1, b, a2)).toEqual({ a: a2, b });
  expect(
    fold(
      newestByKey((_, { channel }) => channel),
      1,
      2,
      3,
    ),
  ).toEqual({ "c/0": 3, "c/1": 2 });
});

test("newestByKey removes keys, and keeps at most `max`", () => {
  const reducer = newestByKey<{ id: string; gone?: true }>("id", {
    removes: ({ gone }) => gone === true,
    max: 2,
  });
  const [a, b, c] = [{ id: "a" }, { id: "b" }, { id: "c" }];
  expect(fold(reducer, a, b, { id: "a", gone: true })).toEqual({ b });
  expect(fold(reducer, a, b, c)).toEqual({ b, c });
});

test("newestByKey keeps what it just got, though a whole number comes first in an object", () => {
  const reducer = newestByKey("id", { max: 2 });
  const [a, ten, seven] = [{ id: "a" }, { id: 10 }, { id: 7 }];
  expect(fold(reducer, a, ten, seven)).toEqual({ a, 7: seven });
  expect(fold(newestByKey("id", { max: 1 }), ten, seven)).toEqual({ 7: seven });
});

test.each([0, -1, 0.5, Number.NaN])("a reducer that would keep %d entries is refused", (count) => {
  const refused = expect.objectContaining({ code: "INVALID_OPTION" });
  expect(() => lastMessages(count)).toThrow(refused);
  expect(() => newestByKey("id", { max: count })).toThrow(refused);
});

test("newestByKey takes any name for a key, and nothing that is no name", () => {
  const value = fold(newestByKey("id"), { id: "__proto__" }, { id: "constructor" }, { id: 7 });
  expect(Object.keys(value as object)).toEqual(["7", "__proto__", "constructor"]);
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(() => fold(newestByKey("id"), {})).toThrow(/must be a string or a number/);
});

test("lastMessages keeps the last messages with their data", () => {
  const reducer = lastMessages(2);
  expect(fold(reducer)).toEqual([]);
  expect(fold(reducer, "x", "y", "z")).toEqual([
    { ...messageOf(1), data: "y" },
    { ...messageOf(2), data: "z" },
  ]);
});

test("counters add numbers and count `true`", () => {
  const reducer = counters({
    all: () => 1,
    big: (order: { total: number }) => order.total > 10,
    revenue: (order: { total: number }) => order.total,
  });
  expect(fold(reducer)).toEqual({ all: 0, big: 0, revenue: 0 });
  expect(fold(reducer, { total: 5 }, { total: 20 })).toEqual({ all: 2, big: 1, revenue: 25 });
  expect(() => fold(reducer, {})).toThrow(/counter "revenue"/);
});

test("no reducer changes the value that it is given", () => {
  const reducers = [newestByKey("id"), lastMessages(1), counters({ all: () => 1 })];
  for (const reducer of reducers) {
    const value = Object.freeze(reducer(reducer.initial, { id: 1 }, messageOf(0)));
    const before = JSON.stringify(value);
    reducer(value, { id: 2 }, messageOf(1));
    expect(JSON.stringify(value)).toBe(before);
  }
});
