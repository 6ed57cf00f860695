import { expect, test } from "vitest";
import { createBus } from "./bus.ts";

test("a listener has been called when the awaited publish of its own process resolves", async () => {
  await using bus = createBus();
  const seen: unknown[] = [];
  bus.subscribe((data) => seen.push(data));
  await bus.publish({ hello: "world" });
  expect(seen).toEqual([{ hello: "world" }]);
  await bus.publish("again");
  expect(seen).toEqual([{ hello: "world" }, "again"]);
});

test("a listener that starts after a message id gets exactly what followed, in order, then live", async () => {
  await using bus = createBus();
  const ids: string[] = [];
  for (let n = 1; n <= 5; n++) ids.push((await bus.publish(n)).id);
  const seen: unknown[] = [];
  bus.subscribe((data) => seen.push(data), { after: ids[1] });
  await bus.publish(6);
  expect(seen).toEqual([3, 4, 5, 6]);
});
