import { expect, test } from "vitest";

import { shareCalls } from "./share-calls.ts";

test("callers that ask while a call is running share the next call", async () => {
  const calls: PromiseWithResolvers<number>[] = [];
  const ask = shareCalls(() => {
    const call = withResolvers<number>();
    calls.push(call);
    return call.promise;
  });
  const first = ask();
  const others = [ask(), ask(), ask()];
  expect(calls).toHaveLength(1);
  calls[0]?.resolve(1);
  expect(await first).toBe(1);
  await turn();
  expect(calls).toHaveLength(2);
  const late = ask();
  calls[1]?.resolve(2);
  expect(await Promise.all(others)).toEqual([2, 2, 2]);
  await turn();
  calls[2]?.resolve(3);
  expect(await late).toBe(3);
});

test("a failed call is not the answer to callers that asked after it started", async () => {
  const answers = [async () => Promise.reject(new Error("away")), async () => Promise.resolve(2)];
  const ask = shareCalls(async () => (answers.shift() as () => Promise<number>)());
  const first = ask();
  const second = ask();
  await expect(first).rejects.toThrow("away");
  expect(await second).toBe(2);
});

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
}

function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((resolved) => (resolve = resolved));
  return { promise, resolve };
}
