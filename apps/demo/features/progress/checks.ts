/** A program for a separate process: real checks with Node's test runner. */
export const checks = `
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, it } from "node:test";
import { brotliCompressSync, brotliDecompressSync, constants, gunzipSync, gzipSync } from "node:zlib";

const bytes = randomBytes(4_000_000);
const text = Buffer.from("one log, many cursors. ".repeat(100_000));
const fast = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

describe("compression", () => {
  it("gives back what gzip took", () => assert.deepEqual(gunzipSync(gzipSync(text)), text));
  it("gives back what brotli took", () =>
    assert.deepEqual(brotliDecompressSync(brotliCompressSync(text, fast)), text));
  it("makes text smaller", () => assert.ok(gzipSync(text).length < text.length / 100));
  it("makes noise no smaller", () => assert.ok(gzipSync(bytes).length >= bytes.length));
});

describe("hashes", () => {
  for (const name of ["sha256", "sha384", "sha512", "sha3-256"]) {
    it(name + " tells one changed bit", () => {
      const changed = Buffer.from(bytes);
      changed[0] ^= 1;
      const hash = (data) => createHash(name).update(data).digest("hex");
      assert.notEqual(hash(bytes), hash(changed));
    });
  }
});

describe("timers", () => {
  for (const ms of [50, 100, 200, 400, 800, 1_600]) {
    it("wait " + ms + " ms at least", async () => {
      const start = performance.now();
      await sleep(ms);
      assert.ok(performance.now() - start >= ms - 2);
    });
  }
  it("fail when they are asked to", { skip: !process.env.FAIL }, () => assert.equal(1 + 1, 3));
});
`;

/** A test reporter with colours, because Node's own use colours only in a terminal. */
export const reporter = `data:text/javascript,${encodeURIComponent(`
const paint = (code, text) => "\\u001B[" + code + "m" + text + "\\u001B[0m";
const marks = { pass: paint(32, "✔"), fail: paint("1;31", "✖"), skip: paint(33, "○") };

export default async function* report(events) {
  for await (const { type, data } of events) {
    const indent = "  ".repeat(data.nesting ?? 0);
    if (type === "test:pass" || type === "test:fail") {
      const { name, skip, details } = data;
      const mark = skip === undefined ? marks[type.slice(5)] : marks.skip;
      const took = paint(2, (details.duration_ms ?? 0).toFixed(1) + " ms");
      yield indent + mark + " " + (details.type === "suite" ? paint(1, name) : name) + " " + took + "\\n";
      const cause = details.error?.cause?.message ?? details.error?.message;
      if (cause) for (const line of cause.split("\\n")) yield indent + "    " + paint(31, line) + "\\n";
    }
    if (type === "test:diagnostic" && !data.nesting) yield paint(36, "ℹ " + data.message) + "\\n";
  }
}
`)}`;
