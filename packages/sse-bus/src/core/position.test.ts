import fc from "fast-check";
import { expect, test } from "vitest";
import { anyText } from "../../test/support/any-text.ts";
import { createEpoch, formatCursor, parseCursor, UNKNOWN_CURSOR } from "./position.ts";

const anySeq = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const anyTime = fc.integer({ min: 0, max: 36 ** 9 - 1 });
const anyEpoch = fc.stringMatching(/^[0-9a-z]{1,16}$/);
const anyChannel = fc.stringMatching(/^[A-Za-z0-9._~:/-]{1,200}$/);

test("a cursor is read back as it was written, with or without a channel behind it", () => {
  fc.assert(
    fc.property(anySeq, anyTime, anyEpoch, anyChannel, (seq, time, epoch, channel) => {
      const text = formatCursor({ seq, time }, epoch);
      expect(parseCursor(text)).toEqual({ seq, time, epoch });
      expect(parseCursor(`${text}@${channel}`)).toEqual({ seq, time, epoch });
    }),
  );
});

test("a cursor is ASCII of at most 64 bytes without a character that ends a field", () => {
  fc.assert(
    fc.property(anySeq, anyTime, anyEpoch, (seq, time, epoch) => {
      expect(formatCursor({ seq, time }, epoch)).toMatch(/^[0-9a-z-]{5,64}$/);
    }),
  );
});

test("what is not a cursor is not read as one", () => {
  const bad = [
    "",
    "1",
    "1-2",
    "1-2-",
    "-1-2-3",
    "1-2-3-4",
    "A-2-3",
    "1-2-3@",
    "1-2-3@a b",
    " 1-2-3",
  ];
  const worse = [
    "1-2-3\n",
    "1-2-3\n4",
    "1-2-3@a\0",
    "1-2-3@a@b",
    "1.5-2-3",
    "١-2-3",
    "1-2-3@orders/*",
  ];
  const long = [`${"1".repeat(12)}-2-3`, `1-${"2".repeat(10)}-3`, `1-2-${"3".repeat(17)}`];
  for (const text of [...bad, ...worse, ...long, `1-2-3@${"a".repeat(201)}`]) {
    expect(parseCursor(text), JSON.stringify(text)).toBeUndefined();
  }
});

test("a position beyond what a number can hold exactly is refused", () => {
  expect(parseCursor(`${(2 ** 53 - 1).toString(36)}-0-e`)?.seq).toBe(2 ** 53 - 1);
  expect(parseCursor(`${(2n ** 53n).toString(36)}-0-e`)).toBeUndefined();
  expect(parseCursor("zzzzzzzzzzz-0-e")).toBeUndefined();
});

test("any text at all is either a cursor or refused, and never throws", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const cursor = parseCursor(text);
      if (cursor) expect(Number.isSafeInteger(cursor.seq)).toBe(true);
    }),
  );
});

test("the cursor that nobody issued has the form of one", () => {
  expect(parseCursor(UNKNOWN_CURSOR)).toEqual({ seq: 0, time: 0, epoch: "0" });
});

test("epochs have one form, and 10,000 of them are 10,000 different ones", () => {
  const epochs = Array.from({ length: 10_000 }, createEpoch);
  for (const epoch of epochs) expect(epoch).toMatch(/^[0-9a-z]{8}$/);
  expect(new Set(epochs).size).toBe(epochs.length);
});
