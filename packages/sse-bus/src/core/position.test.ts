import fc from "fast-check";
import { expect, test } from "vitest";
import { anyText } from "../../test/support/any-text.ts";
import { createEpoch, formatCursor, isPosition, parseCursor, UNKNOWN_CURSOR } from "./position.ts";

const anySeq = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const anyTime = fc.integer({ min: 0, max: 36 ** 9 - 1 });
const anyEpoch = fc.stringMatching(/^[0-9a-z]{1,16}$/);
const anyChannel = fc.stringMatching(/^[A-Za-z0-9._~:/-]{1,200}$/);

test("a cursor is decoded as it was encoded, with or without a channel suffix", () => {
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

test("numbers are a position if their cursor can be read back", () => {
  const anyNumber = fc.oneof(
    anySeq,
    anyTime,
    fc.double(),
    fc.constantFrom(-1, 36 ** 9, 2 ** 53, Infinity),
  );
  fc.assert(
    fc.property(anyNumber, anyNumber, (seq, time) => {
      const read = parseCursor(formatCursor({ seq, time }, "e"));
      // A fraction is written with a point, which no cursor has.
      expect(isPosition({ seq, time })).toBe(read?.seq === seq && read.time === time);
    }),
  );
  expect(isPosition({ seq: 1, time: "5" as never })).toBe(false);
  expect(isPosition({ seq: "1" as never, time: 5 })).toBe(false);
});

test("invalid text is not a cursor", () => {
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
  for (const text of [...bad, ...worse, ...long, `1-2-3@${"a".repeat(221)}`]) {
    expect(parseCursor(text), JSON.stringify(text)).toBeUndefined();
  }
});

test("a position beyond the exact range of a number is rejected", () => {
  expect(parseCursor(`${(2 ** 53 - 1).toString(36)}-0-e`)?.seq).toBe(2 ** 53 - 1);
  expect(parseCursor(`${(2n ** 53n).toString(36)}-0-e`)).toBeUndefined();
  expect(parseCursor("zzzzzzzzzzz-0-e")).toBeUndefined();
});

test("any text is either a cursor or rejected, and parsing never throws", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const cursor = parseCursor(text);
      if (cursor) expect(Number.isSafeInteger(cursor.seq)).toBe(true);
    }),
  );
});

test("the unknown cursor has the form of a cursor", () => {
  expect(parseCursor(UNKNOWN_CURSOR)).toEqual({ seq: 0, time: 0, epoch: "0" });
});

test("epochs have one form, and 10,000 of them are all different", () => {
  const epochs = Array.from({ length: 10_000 }, createEpoch);
  for (const epoch of epochs) expect(epoch).toMatch(/^[0-9a-z]{8}$/);
  expect(new Set(epochs).size).toBe(epochs.length);
});
