import fc from "fast-check";
import { expect, test } from "vitest";
import { type Aged, createRecency } from "./recency.ts";

interface Item extends Aged<Item> {
  readonly n: number;
}

function makeItems(count: number): Item[] {
  return Array.from({ length: count }, (_, n) => ({ n, older: undefined, newer: undefined }));
}

test("it orders as a set in which each item is deleted before it is added", () => {
  const step = fc.tuple(fc.constantFrom("touch", "touch", "delete"), fc.nat(5));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const items = makeItems(6);
      const recency = createRecency<Item>();
      const model = new Set<number>();
      for (const [action, n] of steps) {
        recency[action](items[n] as Item);
        model.delete(n);
        if (action === "touch") model.add(n);
        expect([...recency].map((item) => item.n)).toEqual([...model]);
        expect(recency.size).toBe(model.size);
      }
      recency.clear();
      expect([...recency]).toEqual([]);
      expect(items.every(({ older, newer }) => older === undefined && newer === undefined)).toBe(
        true,
      );
    }),
  );
});

test("an item may be deleted while it is visited", () => {
  const recency = createRecency<Item>();
  for (const item of makeItems(5)) recency.touch(item);
  for (const item of recency) recency.delete(item);
  expect(recency.size).toBe(0);
});
