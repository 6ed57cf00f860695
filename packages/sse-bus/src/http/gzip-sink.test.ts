import { expect, test } from "vitest";

import { createBytesPacket } from "../core/packet.ts";
import type { ByteSink } from "./byte-sink.ts";
import { GZIP_HEAD } from "./gzip-format.ts";
import { GzipSink } from "./gzip-sink.ts";

test("a stream of exactly 4 GiB has no second head before its last block", () => {
  const sent: Uint8Array[] = [];
  const out: ByteSink = {
    write: () => true,
    send: (bytes) => sent.push(bytes) > 0,
    close() {},
    end() {},
    kind: () => "direct",
  };
  const sink = new GzipSink(out);
  const hello = new Uint8Array(100);
  sink.send(hello);
  const packet = createBytesPacket(Uint8Array.of(1), { seq: 1, time: 1 });
  sink.write({ ...packet, size: 2 ** 32 - hello.length });
  sink.send(Uint8Array.of(2), true);
  const [first, last] = sent.map((bytes) => bytes.subarray(0, 2));
  expect(first).toEqual(GZIP_HEAD.subarray(0, 2));
  expect(last).not.toEqual(GZIP_HEAD.subarray(0, 2));
});
