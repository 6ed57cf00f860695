import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyText } from "../../test/support/any-text.ts";
import { cut, parseStream } from "../../test/support/event-stream.ts";
import { createBus } from "./bus.ts";
import { createMessage, messageData, messageJson } from "./message.ts";
import { parseCursor } from "./position.ts";
import { assertRawData, fromDataLines, toDataLines } from "./raw.ts";

const position = { seq: 7, time: 8 };
const anySizes = fc.array(fc.integer({ min: 0, max: 7 }), { minLength: 1 });
/** Any accepted text. */
const anyRaw = anyText.map((text) => text.toWellFormed().replaceAll(/[\r\0]/g, ""));

function encode(text: string, channel = "default") {
  const record = { channel, event: "message", key: undefined, json: JSON.stringify(text) };
  return createMessage({ ...record, raw: true }, position, "e");
}

test("any accepted text reaches a reader of the event stream unchanged, however the bytes are cut", () => {
  fc.assert(
    fc.property(fc.array(anyRaw, { minLength: 1, maxLength: 4 }), anySizes, (texts, sizes) => {
      const frames = texts.map((text) => encode(text).frame);
      const events = parseStream(cut(Buffer.concat(frames), [...sizes, 1]));
      expect(events.map(({ data }) => data)).toEqual(texts);
    }),
    { numRuns: 500 },
  );
});

test("text is rejected if and only if it is not accepted", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const isCarried = text.isWellFormed() && !/[\r\0]/.test(text);
      let isAccepted = true;
      try {
        assertRawData(text);
      } catch (error) {
        expect(error).toMatchObject({ code: "INVALID_DATA" });
        isAccepted = false;
      }
      expect(isAccepted).toBe(isCarried);
    }),
  );
});

test("the text is decoded from its lines, whatever it contains", () => {
  fc.assert(
    fc.property(anyRaw, (text) => {
      expect(fromDataLines(toDataLines(text))).toBe(text);
    }),
  );
  for (const text of ["", "\n", "\ndata: ", "data: \ndata: a\n", "\uFEFFa\n\uFEFF"]) {
    expect(messageData(encode(text))).toBe(text);
    expect(messageJson(encode(text))).toBe(JSON.stringify(text));
  }
});

test("a line break of any kind that passes the check does not begin a field", () => {
  const frame = encode("a\rid: 1\r\nevent: bye\ndata: b").frame;
  const events = parseStream([frame]);
  expect(events).toEqual([
    { id: "7-8-e@default@raw", event: undefined, data: "a\nid: 1\nevent: bye\ndata: b" },
  ]);
});

test("each line is a `data` line, and the id marks the data as raw after the channel", () => {
  const text = new TextDecoder().decode(encode("<ul>\n  <li>a</li>\n</ul>", "orders/42").frame);
  expect(text).toBe("id: 7-8-e@orders/42@raw\ndata: <ul>\ndata:   <li>a</li>\ndata: </ul>\n\n");
  expect(new TextDecoder().decode(encode("a").frame)).toBe("id: 7-8-e@default@raw\ndata: a\n\n");
});

test("such an id is a cursor, and no other suffix after a channel is", () => {
  expect(parseCursor("7-8-e@a/b@raw")).toEqual({ ...position, epoch: "e" });
  for (const bad of ["7-8-e@raw@", "7-8-e@a@b", "7-8-e@@raw", "7-8-e@a@raw@raw", "7-8-e@a@raw\n"]) {
    expect(parseCursor(bad)).toBeUndefined();
  }
});

describe("publishing raw data", () => {
  test("gives subscribers the string, live and from history, also next to JSON messages", async () => {
    await using bus = createBus();
    const before = await bus.cursor();
    const seen: unknown[] = [];
    bus.subscribe((data) => seen.push(data), { channel: "rows" });
    const published = await bus.publish("<li>a</li>\n<li>b</li>", { channel: "rows", raw: true });
    expect(published).toMatchObject({
      data: "<li>a</li>\n<li>b</li>",
      id: expect.stringMatching(/@rows@raw$/) as string,
    });
    await bus.publish("<li>", { channel: "rows" });
    bus.subscribe((data) => seen.push(data), { channel: "rows", after: before });
    await bus.publish("", { channel: "rows", raw: true });
    expect(seen).toEqual([
      "<li>a</li>\n<li>b</li>",
      "<li>",
      "<li>a</li>\n<li>b</li>",
      "<li>",
      "",
      "",
    ]);
  });

  test.each([
    ["a number", 1, /type number/],
    ["an object", { a: 1 }, /type object/],
    ["undefined", undefined, /type undefined/],
    ["CR", "a\rb", /CR at 1/],
    ["CRLF", "<p>\r\n</p>", /CR at 3/],
    ["NUL", "a\0", /NUL/],
    ["half a pair", "a\uD83D", /lone surrogate/],
  ])("rejects %s, and publishes nothing", async (_, data, message) => {
    await using bus = createBus();
    await expect(bus.publish(data as string, { raw: true })).rejects.toMatchObject({
      code: "INVALID_DATA",
      message: expect.stringMatching(message) as string,
    });
    expect(bus.stats().published).toBe(0);
  });

  test("counts its size on the wire, so line breaks cannot multiply it", async () => {
    await using bus = createBus({ maxMessageBytes: 100 });
    await bus.publish("x".repeat(100), { raw: true });
    await expect(bus.publish("\n".repeat(15), { raw: true })).rejects.toMatchObject({
      code: "MESSAGE_TOO_LARGE",
    });
  });
});
