import fc from "fast-check";
import { expect, test } from "vitest";

import { isTopic } from "./channel-name.ts";
import { decodeChannelSegment, encodeChannelSegment } from "./channel-segment.ts";

test("any text becomes a segment of valid characters and is decoded unchanged", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 20 }), (text) => {
      const segment = encodeChannelSegment(text);
      expect(segment).toMatch(/^[\w.:-]*$/);
      expect(decodeChannelSegment(segment)).toBe(text);
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ["ada@example.com", "ada:40example.com"],
  ["orders-42_a.b", "orders-42_a.b"],
  ["a/b*c", "a:2Fb:2Ac"],
  ["~:%", ":7E:3A:25"],
  ["Zoë", "Zo:C3:AB"],
  ["!'()", ":21:27:28:29"],
  ["", ""],
])("%s is written %s", (text, segment) => {
  expect(encodeChannelSegment(text)).toBe(segment);
  expect(isTopic(`users/${segment}`)).toBe(true);
});

test.each(["\uD800", "a\uDC00b"])("half of a surrogate pair is rejected", (text) => {
  expect(() => encodeChannelSegment(text)).toThrow(
    expect.objectContaining({ code: "INVALID_CHANNEL" }),
  );
});

test.each([":", ":4", ":zz", ":FF", ":c3:ab", "a@b", "~", ":41"])(
  "%s is rejected, because no text is encoded like this",
  (segment) => {
    expect(() => decodeChannelSegment(segment)).toThrow(
      expect.objectContaining({ code: "INVALID_CHANNEL" }),
    );
  },
);
