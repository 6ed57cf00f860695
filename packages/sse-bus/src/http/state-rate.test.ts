import { expect, test } from "vitest";
import { createStateRate } from "./state-rate.ts";

const REFUSED = { problem: { status: 429, code: "TOO_MANY_REQUESTS" } };

test("a stream sets as many states a minute as the limit says, and the others are not affected", async () => {
  const rate = createStateRate(2);
  await rate.spendConnection("a");
  await rate.spendConnection("a");
  await expect(rate.spendConnection("a")).rejects.toMatchObject(REFUSED);
  await rate.spendConnection("b");
});

test("streams that clients make up take a limited amount of memory", async () => {
  const rate = createStateRate(1);
  await rate.spendConnection("first");
  await expect(rate.spendConnection("first")).rejects.toMatchObject(REFUSED);
  for (let n = 0; n < 100_000; n++) await rate.spendConnection(`made up ${n}`);
  // It was forgotten with the others.
  await rate.spendConnection("first");
});
