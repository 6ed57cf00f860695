import { createBus } from "sse-bus";
import { expect, test } from "vitest";

test("a reader that starts at a cursor receives every later message, or a gap", async () => {
  await using bus = createBus({ history: { maxMessages: 2 } });
  const cursor = await bus.cursor();
  for (let n = 1; n <= 3; n++) await bus.publish({ n }, { channel: "orders/42" });

  const seen: unknown[] = [];
  bus.subscribe((data) => seen.push(data), {
    channel: "orders/*",
    after: cursor,
    onGap: ({ reason }) => seen.push(reason),
  });
  await expect.poll(() => seen).toEqual(["evicted", { n: 2 }, { n: 3 }]);
});
