import { expect, test } from "vitest";

import { createLimiter, shareCalls } from "./share-calls.ts";

test("callers who come while a call is under way share the next one, which begins after theirs", async () => {
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

test("a call that fails is not the answer to those who came after it", async () => {
  const answers = [async () => Promise.reject(new Error("away")), async () => Promise.resolve(2)];
  const ask = shareCalls(async () => (answers.shift() as () => Promise<number>)());
  const first = ask();
  const second = ask();
  await expect(first).rejects.toThrow("away");
  expect(await second).toBe(2);
});

test("of many tasks only so many run at once, and all of them do, even when some fail", async () => {
  const limit = createLimiter(3);
  let active = 0;
  let most = 0;
  const task = async (n: number): Promise<number> => {
    most = Math.max(most, ++active);
    await turn();
    active--;
    if (n % 5 === 0) throw new Error(String(n));
    return n;
  };
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, async (_, n) => limit(async () => task(n))),
  );
  expect(most).toBe(3);
  expect(results.filter(({ status }) => status === "rejected")).toHaveLength(4);
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(16);
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
