import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { combineCrc, crc32, shiftOf } from "./crc32.ts";

function ofZlib(bytes: Uint8Array): number {
  return gzipSync(bytes).readInt32LE(gzipSync(bytes).length - 8);
}

test("the checksum is the one that zlib computes", () => {
  expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926 | 0);
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(crc32(bytes)).toBe(ofZlib(bytes));
      expect(gunzipSync(gzipSync(bytes))).toEqual(Buffer.from(bytes));
    }),
  );
});

test("the checksum of two parts follows from those of both", () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array({ size: "+1" }), (one, two) => {
      const second = { crc: crc32(two), shift: shiftOf(two.length) };
      expect(combineCrc(crc32(one), second)).toBe(crc32(Buffer.concat([one, two])));
    }),
  );
});

test("the checksum of nothing and a part is that of the part", () => {
  const part = new Uint8Array(300_000).fill(7);
  expect(combineCrc(0, { crc: crc32(part), shift: shiftOf(part.length) })).toBe(ofZlib(part));
});
