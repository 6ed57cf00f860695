import fc from "fast-check";
import { expect, test } from "vitest";
import { type LogMessage, messageJson } from "../core/message.ts";
import {
  decodeEntry,
  decodeAnnouncedMessage,
  decodeHeadMarker,
  decodeState,
  encodeAttributes,
  type AnnouncedMessage,
  toMessage,
} from "./codec.ts";

const text = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 50 })
  .map((any) => any.replaceAll(/[\r\n\0]/g, "x"));
const record = fc.record({
  event: fc.oneof(fc.constant("message"), text),
  key: fc.option(text, { nil: undefined }),
  raw: fc.constant(false),
  json: fc.json(),
});
const rawRecord = fc.record({
  event: fc.oneof(fc.constant("message"), text),
  key: fc.option(text, { nil: undefined }),
  raw: fc.constant(true),
  json: text.map((data) => JSON.stringify(data.replaceAll("\r", ""))),
});
const unexpected = (error: Error): void => {
  throw error;
};
const position = { seq: 1_048_577, time: 1_763_860_000_000, epoch: "k3x9q7" };

test("any message is decoded from pub/sub as it was published", () => {
  fc.assert(
    fc.property(fc.oneof(record, rawRecord), ({ event, key, raw, json }) => {
      const attributes = encodeAttributes({ event, key, raw });
      expect(attributes).not.toContain("\n");
      const live = decodeAnnouncedMessage(
        `k3x9q7 1048577 1763860000000 12\n${attributes}\n${json}`,
      );
      expect(live).toEqual({ ...position, previous: 12, attributes, json });
      const message = toMessage("a", live as AnnouncedMessage, unexpected) as LogMessage;
      const { seq, time, channel } = message;
      expect({ seq, time, channel }).toEqual({
        seq: position.seq,
        time: position.time,
        channel: "a",
      });
      expect([message.event, message.key, message.raw]).toEqual([event, key, raw]);
      expect(messageJson(message)).toBe(json);
    }),
  );
});

test("a message is decoded from a stream as from pub/sub", () => {
  fc.assert(
    fc.property(fc.oneof(record, rawRecord), ({ event, key, raw, json }) => {
      const attributes = encodeAttributes({ event, key, raw });
      const fields = ["t", String(position.time), "h", attributes, "j", json];
      const options = { epoch: position.epoch, onError: unexpected };
      const entry = decodeEntry("a", [`${position.seq}-0`, fields], options);
      expect(entry).toEqual(toMessage("a", { ...position, attributes, json }, unexpected));
    }),
  );
});

test("the most common kind of message needs no attributes", () => {
  expect(encodeAttributes({ event: "message", key: undefined })).toBe("");
});

test("head markers and channel states are decoded", () => {
  expect(decodeHeadMarker("k3x9q7 1048577 1763860000000 me.7")).toEqual({
    ...position,
    token: "me.7",
  });
  expect(decodeState("9 2 700 7 100 200")).toEqual({ last: 9, at: 200 });
});

test.each([
  "",
  "garbage",
  "k3x9q7 7 1763860000000\n\n1",
  "k3x9q7 x 1763860000000 6\n\n1",
  "k3x9q7 7 1763860000000 7\n\n1",
  "k3x9q7 9007199254740993 1763860000000 6\n\n1",
  "k3x9q7 7 1e12 6\n\n1",
])("%j from another program is not a message", (text) => {
  expect(decodeAnnouncedMessage(text)).toBeUndefined();
});

test.each([
  ["attributes that are not JSON", "notjson", "{}"],
  ["attributes that are not a list", "{}", "{}"],
  ["a reserved event", '["hello"]', "{}"],
  ["an event of two lines", String.raw`["a\nid: 1"]`, "{}"],
  ["data that is not JSON", "", "{"],
  ["data of two lines", "", "1\nevent: bye"],
  ["raw data that is not a string", '["message",null,"raw"]', "1"],
])("a message with %s is reported and omitted", (_, attributes, json) => {
  const errors: Error[] = [];
  const message = toMessage("a", { ...position, attributes, json }, (error) => errors.push(error));
  expect(message).toBeUndefined();
  expect(errors).toMatchObject([{ code: "INVALID_DATA" }]);
});
