import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyText } from "../../test/support/any-text.ts";
import { cut, parseStream } from "../../test/support/event-stream.ts";
import { encodeJson } from "./json.ts";
import {
  assertEventName,
  assertKey,
  assertStoredEvent,
  createMessage,
  idempotencyId,
  type LogMessage,
  messageData,
  messageId,
  messageJson,
} from "./message.ts";
import { parseCursor } from "./position.ts";

const RESERVED = ["hello", "ping", "gap", "bye"];
/** `EventSource` has events of these names. */
const OF_EVENT_SOURCE = ["error", "open"];
const anyPosition = fc.record({
  seq: fc.integer({ min: 1, max: 2 ** 40 }),
  time: fc.integer({ min: 0, max: 2 ** 42 }),
});
const anyEvent = fc
  .oneof(fc.constant("message"), anyText)
  .map((text) =>
    text
      .toWellFormed()
      .replaceAll(/[\r\n\0]/g, "")
      .slice(0, 60),
  )
  .filter((text) => text !== "" && !RESERVED.includes(text));
const anyChannel = fc.oneof(fc.constant("default"), fc.stringMatching(/^[A-Za-z0-9._~:/-]{1,40}$/));
const anyMessage = fc.record({
  position: anyPosition,
  event: anyEvent,
  channel: anyChannel,
  text: anyText,
});
const anySizes = fc.array(fc.integer({ min: 0, max: 7 }), { minLength: 1 });

function encode(text: unknown, event = "message", channel = "default"): LogMessage {
  const record = { channel, event, key: undefined, json: encodeJson(text) };
  return createMessage(record, { seq: 7, time: 8 }, "e");
}

test("eventsource-parser reads any strings unchanged, however the bytes are cut", () => {
  const anyMessages = fc.array(anyMessage, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(anyMessages, anySizes, (messages, sizes) => {
      const frames = messages.map(({ position, event, channel, text }) => {
        const record = { channel, event, key: undefined, json: encodeJson({ text }) };
        return createMessage(record, position, "e").frame;
      });
      const events = parseStream(cut(Buffer.concat(frames), [...sizes, 1]));
      expect(events).toHaveLength(messages.length);
      for (const [index, { position, event, channel, text }] of messages.entries()) {
        const seen = events[index];
        expect(seen?.event ?? "message").toBe(event);
        expect(seen?.id).toBe(messageId(position, "e", { channel }));
        expect(parseCursor(seen?.id ?? "")).toEqual({ ...position, epoch: "e" });
        expect(JSON.parse(seen?.data ?? "")).toEqual({ text });
      }
    }),
    { numRuns: 500 },
  );
});

test.each([
  ["CR", "a\rb"],
  ["LF", "a\nb"],
  ["CRLF", "a\r\nb"],
  ["blank lines and fields of its own", "\n\nid: 1\nevent: bye\ndata: x\n\n"],
  ["NUL", "a\0b"],
  ["line and paragraph separators", "\u2028\u2029"],
  ["a byte order mark", "\uFEFFa"],
  ["lone surrogates", "\uD83D and \uDE00"],
  ["emoji", "👩‍👩‍👧‍👦😀"],
  ["nothing", ""],
  ["a leading space and colon", " : "],
])("text with %s round-trips", (_, text) => {
  const message = encode(text);
  const [event] = parseStream([message.frame]);
  expect(JSON.parse(event?.data ?? "")).toBe(text);
  expect(messageData(message)).toBe(text);
});

test("a message of a megabyte round-trips, whole and however it is cut", () => {
  const text = `😀\r\n\u2028${"ä".repeat(500_000)}`;
  const { frame } = encode(text);
  for (const pieces of [[frame], cut(frame, [65_536]), cut(frame, [1, 3, 100_001])]) {
    const events = parseStream(pieces);
    expect(events.map(({ data }) => JSON.parse(data) as string)).toEqual([text]);
  }
});

test("the frame is exactly the one of the protocol", () => {
  const frameText = (message: LogMessage): string => new TextDecoder().decode(message.frame);
  expect(frameText(encode({ a: 1 }))).toBe('id: 7-8-e\ndata: {"a":1}\n\n');
  expect(frameText(encode({ a: 1 }, "added", "orders/42"))).toBe(
    'id: 7-8-e@orders/42\nevent: added\ndata: {"a":1}\n\n',
  );
});

test("the JSON is found in the frame, whatever precedes it", () => {
  fc.assert(
    fc.property(anyMessage, ({ position, event, channel, text }) => {
      const json = encodeJson([text]);
      const message = createMessage({ channel, event, key: "k", json }, position, "e");
      expect(messageJson(message)).toBe(json);
    }),
  );
});

test("each subscriber gets its own copy of the data", () => {
  const message = encode({ list: [1] });
  expect(messageData(message)).toEqual(messageData(message));
  expect(messageData(message)).not.toBe(messageData(message));
});

describe.each([
  ["event", "INVALID_EVENT_NAME", assertEventName],
  ["key", "INVALID_KEY", assertKey],
  ["id", "INVALID_ID", (id: unknown) => idempotencyId(id as string, undefined)],
] as const)("%s", (name, code, assertField) => {
  const check: (value: unknown) => void = assertField;

  test.each(["a\r", "a\n", "\r\nid: 1", "a\0", "\nevent: bye\ndata: x\n\n", "\uD83D", "x\uDE00"])(
    "%j is rejected, not stripped",
    (value) => {
      expect(() => check(value)).toThrow(expect.objectContaining({ code }));
      expect(() => check(value)).toThrow(`\`${name}\``);
    },
  );

  test.each([
    ["empty", ""],
    ["too long", "a".repeat(201)],
    ["a number", 1],
    ["null", null],
    ["an object", {}],
  ])("%s is rejected", (_, value) => {
    expect(() => check(value)).toThrow(expect.objectContaining({ code }));
  });

  test("an accepted value stays one field of one frame", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        try {
          check(text);
        } catch {
          return;
        }
        const { frame } = encode(1, text);
        const events = parseStream([frame]);
        expect(events).toHaveLength(1);
        expect(events[0]?.event ?? "message").toBe(text);
      }),
    );
  });
});

test.each(["a\nb", "a\r", "a\0", "\uD83D", "a".repeat(201), 7, null])(
  "the publisher %j is rejected",
  (publisher) => {
    expect(() => idempotencyId("id", publisher as string)).toThrow(/`publisher`/);
  },
);

test("two publishers never share an id, and no publisher has one of the application's ids", () => {
  const anyPublisher = fc.option(fc.oneof(anyText, fc.constant("")), { nil: undefined });
  const nameOf = (id: string, publisher: string | undefined): string | undefined => {
    try {
      return idempotencyId(id, publisher);
    } catch {
      return undefined;
    }
  };
  fc.assert(
    fc.property(anyText, anyPublisher, anyText, anyPublisher, (id, by, otherId, otherBy) => {
      const name = nameOf(id, by);
      if (name === undefined || (id === otherId && by === otherBy)) return;
      expect(nameOf(otherId, otherBy)).not.toBe(name);
    }),
  );
});

test.each(RESERVED)("the protocol's own event %s cannot be published", (event) => {
  expect(() => assertEventName(event)).toThrow(/the protocol uses it itself/);
  expect(() => assertStoredEvent("orders", event)).toThrow(/the protocol uses it itself/);
});

test.each(OF_EVENT_SOURCE)(
  "EventSource's own event %s cannot be published, and is delivered if an older version stored it",
  (event) => {
    expect(() => assertEventName(event)).toThrow(
      expect.objectContaining({
        code: "INVALID_EVENT_NAME",
        message: expect.stringContaining("EventSource dispatches") as string,
      }),
    );
    expect(() => assertStoredEvent("orders", event)).not.toThrow();
    for (const other of [`${event}s`, event.toUpperCase(), ` ${event}`]) {
      expect(() => assertEventName(other)).not.toThrow();
    }
  },
);
