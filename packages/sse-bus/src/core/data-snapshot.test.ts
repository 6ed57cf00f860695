import { expect, expectTypeOf, test, vi } from "vitest";
import { createBus } from "./bus.ts";
import { memoryBackend } from "./memory-backend.ts";

test("the cursor is read before `load` runs: what is published while it loads comes after the cursor", async () => {
  await using bus = createBus();
  await bus.publish("before");
  const { data, cursor } = await bus.snapshot(async () => {
    await bus.publish("during");
    return { rows: [1, 2] };
  });
  expectTypeOf(data).toEqualTypeOf<{ rows: number[] }>();
  expect(data).toEqual({ rows: [1, 2] });
  await bus.publish("after");
  const received = await new Promise((resolve) => {
    const all: unknown[] = [];
    bus.subscribe(
      (one) => {
        all.push(one);
        if (one === "after") resolve(all);
      },
      { after: cursor },
    );
  });
  expect(received).toEqual(["during", "after"]);
});

test("`load` may be synchronous, and what it throws is thrown", async () => {
  await using bus = createBus();
  const { data } = await bus.snapshot(() => 1);
  expectTypeOf(data).toEqualTypeOf<number>();
  expect(data).toBe(1);
  const failure = new Error("no database");
  await expect(bus.snapshot(() => Promise.reject(failure))).rejects.toBe(failure);
  await expect(
    bus.snapshot(() => {
      throw failure;
    }),
  ).rejects.toBe(failure);
});

test("without a cursor nothing is loaded", async () => {
  const failure = new Error("no log");
  const readHead = async () => Promise.reject(failure);
  await using bus = createBus({ backend: { ...memoryBackend(), readHead } });
  const load = vi.fn();
  await expect(bus.snapshot(load)).rejects.toBe(failure);
  expect(load).not.toHaveBeenCalled();
  await bus.close();
  await expect(bus.snapshot(load)).rejects.toMatchObject({ code: "BUS_CLOSED" });
});

test("`load` must be a function", async () => {
  await using bus = createBus();
  // @ts-expect-error -- a value is no function
  await expect(bus.snapshot(1)).rejects.toMatchObject({ code: "INVALID_OPTION" });
});
