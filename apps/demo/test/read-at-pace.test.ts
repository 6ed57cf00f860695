import { describe, expect, it } from "vitest";

import { readAtPace } from "../features/progress/read-at-pace.ts";

const never = new AbortController().signal;

/** A body that delivers `pieces` and then stays open, and whether it was cancelled. */
function stalling(...pieces: Uint8Array[]) {
  const state = { cancelled: false };
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => pieces.forEach((piece) => controller.enqueue(piece)),
    cancel: () => void (state.cancelled = true),
  });
  return { body, state };
}

async function readAll(source: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const piece of source) bytes += piece.length;
  return bytes;
}

describe("an upload", () => {
  it("that is too slow is aborted, and its body is cancelled", async () => {
    const { body, state } = stalling(new Uint8Array(10));
    const reading = readAll(readAtPace(body, { signal: never, graceMs: 20 }));
    await expect(reading).rejects.toThrow("Too slow: less than 64 kB a second.");
    expect(state.cancelled).toBe(true);
  });

  it("that takes too long is aborted, even if it is fast", async () => {
    const { body } = stalling(new Uint8Array(50_000_000));
    const reading = readAll(readAtPace(body, { signal: never, graceMs: 20, maxMs: 50 }));
    await expect(reading).rejects.toThrow("It took longer than");
  });

  it("that is cancelled ends immediately, even if no byte arrives", async () => {
    const { body, state } = stalling();
    const cancel = new AbortController();
    const reading = readAll(readAtPace(body, { signal: cancel.signal }));
    cancel.abort(new Error("Cancelled by a visitor."));
    await expect(reading).rejects.toThrow("Cancelled by a visitor.");
    expect(state.cancelled).toBe(true);
  });

  it("is read to its end", async () => {
    const body = new Blob(["hello"]).stream();
    expect(await readAll(readAtPace(body, { signal: never }))).toBe(5);
  });
});
