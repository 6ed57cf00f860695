import { gunzipSync, inflateRawSync } from "node:zlib";
import { expect, test } from "vitest";
import { joinBytes } from "../core/join-bytes.ts";
import { crc32 } from "./crc32.ts";
import { GZIP_HEAD, gzipTrailer, storeBytes, storedLength } from "./gzip-format.ts";

const EMPTY_BLOCK = [0, 0, 0, 0xff, 0xff];

test.each([0, 1, 65_535, 65_536, 200_000])(
  "%i stored bytes are one correct gzip stream",
  (length) => {
    const bytes = Buffer.alloc(length, "some text ");
    const trailer = gzipTrailer(crc32(bytes), length);
    const stream = joinBytes([GZIP_HEAD, storeBytes(bytes, true), trailer]);
    expect(gunzipSync(stream).equals(bytes)).toBe(true);
  },
);

test("stored bytes can be followed by more, and an empty block makes every decoder pass them on", () => {
  const first = storeBytes(Buffer.from("first "));
  expect(first).toHaveLength(storedLength(6));
  expect([...first.subarray(-5)]).toEqual(EMPTY_BLOCK);
  const both = joinBytes([first, storeBytes(Buffer.from("second"), true)]);
  expect(inflateRawSync(both).toString()).toBe("first second");
});
