import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeChunk, encodeChunk, unfinishedBytes } from "./chunk-data.ts";
import { createPendingBytes } from "./pending-bytes.ts";

const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 100 }),
  fc.string({ unit: "binary" }).map((text) => new TextEncoder().encode(text)),
);

test("any bytes are the same after JSON", () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const data = JSON.parse(JSON.stringify(encodeChunk(bytes))) as object;
      expect(decodeChunk(data)).toEqual(bytes);
    }),
  );
});

test("text stays text, a byte order mark too; control characters become base64", () => {
  const encode = (text: string) => encodeChunk(new TextEncoder().encode(text));
  expect(encode("\uFEFFgrüße\n")).toEqual({ t: "\uFEFFgrüße\n" });
  expect(encode("\0".repeat(10))).toEqual({ b: "AAAAAAAAAAAAAA==" });
});

test("what is no chunk is undefined", () => {
  expect(decodeChunk({})).toBeUndefined();
  expect(decodeChunk({ t: 1 })).toBeUndefined();
  expect(decodeChunk({ b: "%" })).toBeUndefined();
});

test("text that is cut anywhere is taken in whole characters, and binary data is complete", () => {
  const anyCuts = fc.array(fc.nat(7), { maxLength: 40 });
  const anyMax = fc.integer({ min: 4, max: 20 });
  fc.assert(
    fc.property(anyBytes, anyCuts, anyMax, (bytes, cuts, max) => {
      const isText = isUtf8(bytes);
      const pending = createPendingBytes();
      const taken: number[] = [];
      const take = (isLast: boolean): void => {
        while (pending.size > 0) {
          const piece = pending.take(max, isLast);
          if (isText) expect(isUtf8(piece)).toBe(true);
          if (piece.length === 0) break;
          taken.push(...piece);
        }
        expect(pending.hasWhole).toBe(false);
      };
      let start = 0;
      for (const size of cuts) {
        pending.add(bytes.slice(start, start + size));
        start = Math.min(bytes.length, start + size);
        if (size % 2 === 0) take(false);
        expect(pending.size).toBe(start - taken.length);
      }
      pending.add(bytes.slice(start));
      take(true);
      expect(taken).toEqual([...bytes]);
    }),
  );
});

test("only the start of a character is unfinished", () => {
  const euro = new TextEncoder().encode("€");
  expect(unfinishedBytes(euro)).toBe(0);
  expect(unfinishedBytes(euro.subarray(0, 2))).toBe(2);
  expect(unfinishedBytes(euro.subarray(0, 1))).toBe(1);
  expect(unfinishedBytes(new Uint8Array([0x80, 0x80, 0x80, 0x80]))).toBe(0);
  expect(unfinishedBytes(new Uint8Array())).toBe(0);
});

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
