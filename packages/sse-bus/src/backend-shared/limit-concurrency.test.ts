import { expect, test } from "vitest";

import { limitConcurrency } from "./limit-concurrency.ts";

test("at most the given number of tasks run at once, and all of them run even when some fail", async () => {
  const limit = limitConcurrency(3);
  let active = 0;
  let most = 0;
  const task = async (n: number): Promise<number> => {
    most = Math.max(most, ++active);
    await new Promise((resolve) => setImmediate(resolve));
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
