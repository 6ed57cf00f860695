import { createParser } from "eventsource-parser";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { createEventStreamParser } from "./event-stream.ts";
import oracle from "./vectors/browser-oracle.json" with { type: "json" };

interface ParsedEvent {
  readonly type: string;
  readonly data: string;
  readonly lastEventId: string;
}

const encoder = new TextEncoder();

describe("the 1,383 streams on which Chromium and Firefox agree", () => {
  const vectors = oracle.vectors.map(({ bytes, events }) => ({
    bytes: new Uint8Array(Buffer.from(bytes, "base64")),
    events: events as ParsedEvent[],
  }));

  test("there are 1,383 of them, and most dispatch something", () => {
    expect(vectors).toHaveLength(1_383);
    expect(vectors.filter(({ events }) => events.length > 0).length).toBeGreaterThan(500);
  });

  test("give the browsers' events when they come whole", () => {
    for (const { bytes, events } of vectors) expect(parse([bytes])).toEqual(events);
  });

  test("give the browsers' events when they come byte by byte", () => {
    for (const { bytes, events } of vectors) expect(parse(cut(bytes, () => 1))).toEqual(events);
  });

  test("give the browsers' events wherever they are cut", () => {
    const anyVector = fc.constantFrom(...vectors);
    const anySizes = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(anyVector, anySizes, ({ bytes, events }, sizes) => {
        let next = 0;
        const pieces = cut(bytes, () => sizes[next++ % sizes.length] || (next > 999 ? 1 : 0));
        expect(parse(pieces)).toEqual(events);
      }),
      { numRuns: 5_000 },
    );
  });
});

test("any text gives the same events however its bytes are cut", () => {
  fc.assert(
    fc.property(anyStream, fc.integer({ min: 1, max: 5 }), (text, size) => {
      const bytes = encoder.encode(text);
      expect(parse(cut(bytes, () => size))).toEqual(parse([bytes]));
    }),
    { numRuns: 2_000 },
  );
});

test("any stream with LF line ends gives the types and data that eventsource-parser gives", () => {
  fc.assert(
    fc.property(anyStream, (text) => {
      const lines = text.replaceAll("\r", "\n");
      const theirs: { type: string; data: string }[] = [];
      const parser = createParser({
        onEvent: ({ event, data }) => theirs.push({ type: event ?? "message", data }),
      });
      parser.feed(lines.replace(/^\uFEFF/, ""));
      const ours = parse([encoder.encode(lines)]).map(({ type, data }) => ({ type, data }));
      expect(ours).toEqual(theirs);
    }),
    { numRuns: 2_000 },
  );
});

const BOM = [0xef, 0xbb, 0xbf];

test.each([
  ["one byte order mark is dropped", [BOM], ["1"]],
  ["of two byte order marks the second is the start of a field's name", [BOM, BOM], []],
  ["a byte order mark in the data is part of the data", [], ["\uFEFF1"], "data: \uFEFF1\n\n"],
])("%s, wherever the bytes are cut", (_, marks, expected, text = "data: 1\n\n") => {
  const bytes = new Uint8Array([...marks.flat(), ...encoder.encode(text)]);
  const everySizes = [[99], [1], [2], [3], [1, 1, 4, 0], [3, 1, 1, 1], [6, 1]];
  for (const sizes of everySizes) {
    let next = 0;
    const pieces = cut(bytes, () => sizes[next++ % sizes.length] as number);
    const events = parse(pieces).map(({ data }) => data);
    expect(events, `cut at ${sizes.join()}`).toEqual(expected);
  }
});

test("data after a byte order mark at the start keeps its own byte order marks", () => {
  const text = "\uFEFFdata: 1\n\n\uFEFFdata: 2\n\ndata:\uFEFF3\n\n";
  for (const size of [1, 2, 3, 99]) {
    const events = parse(cut(encoder.encode(text), () => size));
    expect(events.map(({ data }) => data)).toEqual(["1", "\uFEFF3"]);
  }
});

test("a CR at the end of a piece ends its line immediately, and an LF that follows adds no line", () => {
  const events: string[] = [];
  const feed = createEventStreamParser((_, data) => events.push(data as string), noop);
  feed(encoder.encode("data: 1\r\r"));
  expect(events).toEqual(["1"]);
  feed(encoder.encode("\ndata: 2\r"));
  feed(encoder.encode("\n"));
  expect(events).toEqual(["1"]);
  feed(encoder.encode("\r"));
  expect(events).toEqual(["1", "2"]);
});

test("a block with only an id moves the last event id, and an empty id clears it", () => {
  const ids: string[] = [];
  const feed = createEventStreamParser((_, data, id) => {
    expect(data).toBeUndefined();
    ids.push(id);
  }, noop);
  feed(encoder.encode("id: 7\n\n: nothing\n\nid\n\nid: a\0b\n\n"));
  expect(ids).toEqual(["7", "7", "", ""]);
});

test("blocks without an id keep the last id of the stream before", () => {
  const ids: string[] = [];
  const feed = createEventStreamParser((_, __, id) => ids.push(id), noop, "41");
  feed(encoder.encode("data: a\n\nid: 42\ndata: b\n\ndata: c\n\n"));
  expect(ids).toEqual(["41", "42", "42"]);
});

test("a block cut off by the end of the stream is discarded", () => {
  expect(parse([encoder.encode("data: 1\n\ndata: 2\n")]).map(({ data }) => data)).toEqual(["1"]);
});

test("`retry` accepts ASCII digits only, and applies before its block ends", () => {
  const retries: number[] = [];
  const feed = createEventStreamParser(noop, (ms) => retries.push(ms));
  feed(encoder.encode("retry: 10\nretry: 1e3\nretry:-1\nretry\nretry: ٣\nretry:0050\nretry: 5 \n"));
  expect(retries).toEqual([10, 50]);
});

test("a line of a megabyte in pieces of 64 bytes is parsed in linear time", () => {
  const line = encoder.encode(`data: ${"x".repeat(1_000_000)}\n\n`);
  const started = performance.now();
  const [event] = parse(cut(line, () => 64));
  expect(event?.data).toHaveLength(1_000_000);
  // Searching the line again for every piece takes more than ten seconds here.
  expect(performance.now() - started).toBeLessThan(3_000);
});

const anyStream = fc
  .array(
    fc.constantFrom(
      ..."data:|data: |data|event:|event: |id: |id|retry: 1|: c|:|x|é|😀|\uFEFF| |\n|\n|\n\n|\r|\r\n|a:b".split(
        "|",
      ),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(""));

function noop(): void {}

function parse(pieces: Iterable<Uint8Array>): ParsedEvent[] {
  const events: ParsedEvent[] = [];
  const feed = createEventStreamParser((type, data, lastEventId) => {
    if (data !== undefined) events.push({ type, data, lastEventId });
  }, noop);
  for (const piece of pieces) feed(piece);
  return events;
}

function* cut(bytes: Uint8Array, size: () => number): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length;) {
    const end = start + size();
    yield bytes.subarray(start, end);
    start = end;
  }
}
