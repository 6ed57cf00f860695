import { headers as createHeaders } from "@nats-io/nats-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { readEnvelope, writeEnvelope } from "./envelope.ts";

const subject = { channel: "a", key: undefined };
const text = fc
  .string({ unit: "binary", minLength: 1, maxLength: 200 })
  // oxlint-disable-next-line no-control-regex
  .filter((each) => each.length <= 200 && each.isWellFormed() && !/[\r\n\0]/.test(each))
  .filter((each) => !["hello", "ping", "gap", "bye"].includes(each));

describe("envelope", () => {
  test("event and data are decoded as written, and headers contain only printable ASCII", () => {
    fc.assert(
      fc.property(text, text, fc.json(), (event, id, json) => {
        const written = writeEnvelope({ ...subject, event, id, json });
        for (const value of Object.values(written.headers)) {
          expect(value ?? "").toMatch(/^[!-~]*$/);
        }
        expect(read(written.payload, written.headers)).toEqual({
          ...subject,
          event,
          json,
          raw: false,
        });
      }),
    );
  });

  test("raw data is stored unchanged, readable for any NATS client, and decoded as written", () => {
    fc.assert(
      fc.property(text, (data) => {
        const record = {
          ...subject,
          event: "message",
          json: JSON.stringify(`\uFEFF${data}\n`),
          raw: true,
        };
        const written = writeEnvelope({ ...record, id: undefined });
        expect(new TextDecoder("utf-8", { ignoreBOM: true }).decode(written.payload)).toBe(
          `\uFEFF${data}\n`,
        );
        expect(read(written.payload, written.headers)).toEqual(record);
      }),
    );
  });

  test.each(["a\rb", "a\0"])(
    "raw data %j, which would not arrive unchanged, is omitted",
    (data) => {
      for (const writer of [{}, { "Sse-Bus": "1" }]) {
        expect(() => read(Buffer.from(data), { ...writer, "Sse-Raw": "1" })).toThrow(
          expect.objectContaining({ code: "INVALID_DATA" }),
        );
      }
    },
  );

  test("JSON that another program wrote on several lines becomes one line", () => {
    const json = JSON.stringify({ a: [1, "x\ny"] }, null, 2);
    expect(read(Buffer.from(json), {}).json).toBe(String.raw`{"a":[1,"x\ny"]}`);
  });

  test.each(["", "hello", '{"a":', "1\n\nevent: gap\ndata: 2", "\u{feff}"])(
    "%j, which is not JSON, is rejected",
    (data) => {
      expect(() => read(Buffer.from(data), {})).toThrow(
        expect.objectContaining({ code: "INVALID_DATA" }),
      );
    },
  );

  test.each(["a%0Adata: forged", "a%0D", "%00", "ping", "gap", "x".repeat(201)])(
    "an event named %j, which would forge the event stream, is rejected from any program",
    (event) => {
      for (const writer of [{}, { "Sse-Bus": "1" }]) {
        expect(() => read(Buffer.from("1"), { ...writer, "Sse-Event": event })).toThrow(
          expect.objectContaining({ code: "INVALID_EVENT_NAME" }),
        );
      }
    },
  );

  test("an event name with an unescaped percent sign is read literally", () => {
    expect(read(Buffer.from("1"), { "Sse-Event": "100%" }).event).toBe("100%");
  });
});

function read(data: Uint8Array, values: Readonly<Record<string, string | undefined>>) {
  const headers = createHeaders();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) headers.set(name, value);
  }
  return readEnvelope(subject, { data, headers, seq: 1, subject: "bus.c.a" });
}
