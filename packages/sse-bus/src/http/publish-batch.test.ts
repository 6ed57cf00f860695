import { afterEach, describe, expect, test } from "vitest";
import { HANDLER_FORMS } from "../../test/support/handler-forms.ts";
import {
  closePublishRoutes,
  openPublishRoute,
  type PublishSetting,
} from "../../test/support/publish-route.ts";
import type { Backend } from "../core/backend.ts";
import { SseBusError } from "../core/errors.ts";
import { memoryBackend } from "../core/memory-backend.ts";

afterEach(closePublishRoutes);

const NDJSON = "application/x-ndjson";

describe.each(HANDLER_FORMS)("a batch over %s", (_, form) => {
  const setUp = (setting?: PublishSetting) => {
    const { bus, post: send } = openPublishRoute(form, setting);
    const post = async (body: unknown, type = "application/json") => {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const response = await send(text, { "Content-Type": type });
      return { status: response.status, body: await response.json() };
    };
    return { bus, post };
  };

  test("an array is published in order, and answered with the stored messages", async () => {
    const { bus, post } = setUp();
    const seen: unknown[] = [];
    bus.subscribe((data) => seen.push(data), { channel: "**" });
    const { status, body } = await post([
      { data: 1, channel: "a" },
      { data: { two: 2 }, event: "row", key: "k" },
      { data: "<li>", channel: "b", raw: true, id: "x" },
      { data: "again", channel: "b", id: "x" },
    ]);
    expect(status).toBe(200);
    expect(body).toMatchObject([
      { channel: "a", event: "message", data: 1, id: expect.stringMatching(/^1-.*@a$/) },
      { channel: "default", event: "row", data: { two: 2 }, key: "k" },
      { channel: "b", data: "<li>", id: expect.stringMatching(/^3-.*@b@raw$/) },
      { channel: "b", duplicate: true },
    ]);
    expect(seen).toEqual([1, { two: 2 }, "<li>"]);
  });

  test("NDJSON has one publish request in each line", async () => {
    const { bus, post } = setUp();
    const { status, body } = await post(
      '{"data": 1}\r\n\n{"data": "a\\nb", "channel": "a"}\n',
      NDJSON,
    );
    expect(status).toBe(200);
    expect(body).toMatchObject([{ data: 1 }, { data: "a\nb", channel: "a" }]);
    expect(bus.stats().published).toBe(2);
  });

  test("an empty batch is answered with an empty array", async () => {
    const { post } = setUp({ authorize: () => true });
    for (const [body, type] of [["[]"], [" [ ] "], ["\n", NDJSON]]) {
      expect(await post(body, type)).toEqual({ status: 200, body: [] });
    }
  });

  test("one bad message refuses all, and the problem document names its index", async () => {
    const { bus, post } = setUp({ bus: { maxMessageBytes: 1000 } });
    const refused: readonly [string, number, string][] = [
      ["{", 400, "MALFORMED_BODY"],
      ["", 400, "MALFORMED_BODY"],
      ["1", 400, "MALFORMED_BODY"],
      ['{"data":1,"chanel":"a"}', 400, "MALFORMED_BODY"],
      ['{"channel":"a"}', 400, "MALFORMED_BODY"],
      ['{"data":9007199254740993}', 400, "INVALID_DATA"],
      [`{"data":${"[".repeat(2000)}${"]".repeat(2000)}}`, 400, "INVALID_DATA"],
      ['{"data":1,"channel":"~own"}', 400, "INVALID_CHANNEL"],
      ['{"data":1,"event":"gap"}', 400, "INVALID_EVENT_NAME"],
      [`{"data":"${"x".repeat(1001)}"}`, 413, "MESSAGE_TOO_LARGE"],
      [`{"data":"${"x".repeat(20_000)}"}`, 413, "MESSAGE_TOO_LARGE"],
    ];
    for (const [text, status, code] of refused) {
      const array = await post(`[{"data":0},${text},{"data":2}]`);
      expect([array.status, array.body], text).toMatchObject([status, { code, index: 1 }]);
      expect(array.body.detail).toContain("messages[1]");
      if (text === "") continue;
      const lines = await post(`{"data":0}\n${text}\n{"data":2}`, NDJSON);
      expect([lines.status, lines.body], text).toMatchObject([status, { code, index: 1 }]);
    }
    expect(bus.stats().published).toBe(0);
  });

  test("more than 1,000 messages or 1 MiB get 413, and the detail says how much is allowed", async () => {
    const { bus, post } = setUp();
    const small = Array.from({ length: 1001 }, () => '{"data":1}');
    const large = Array.from({ length: 5 }, () => JSON.stringify({ data: "x".repeat(215_000) }));
    for (const [texts, limit] of [
      [small, "1000"],
      [large, "1048576"],
      // More than is read of a single message.
      [[...large, ...large], "1048576"],
    ] as const) {
      for (const result of [
        await post(`[${texts.join(",")}]`),
        await post(texts.join("\n"), NDJSON),
      ]) {
        expect([result.status, result.body.code]).toEqual([413, "BATCH_TOO_LARGE"]);
        expect(result.body.detail).toContain(limit);
      }
    }
    expect(bus.stats().published).toBe(0);
    expect((await post(`[${small.slice(1).join(",")}]`)).status).toBe(200);
    expect(bus.stats().published).toBe(1000);
  });

  test("`authorize` is asked once, with all channels, before anything is published", async () => {
    const asked: (readonly string[])[] = [];
    const { bus, post } = setUp({
      authorize({ channels }) {
        asked.push(channels);
        return channels.includes("secret") ? false : { identity: { id: "ada" } };
      },
    });
    const batch = ["a", "b", "a", undefined].map((channel, data) => ({ data, channel, id: "x" }));
    const { body } = await post(batch);
    expect(asked).toEqual([["a", "b", "default"]]);
    expect(body.map(({ duplicate = false }) => duplicate)).toEqual([false, false, true, false]);
    // The id is that of the identity, not of the application's own code.
    expect((await bus.publish(1, { channel: "a", id: "x" })).duplicate).toBeUndefined();
    const refused = await post([{ data: 1 }, { data: 2, channel: "secret" }]);
    expect(refused).toMatchObject({
      status: 403,
      body: { code: "FORBIDDEN", channels: ["secret"] },
    });
    expect(bus.stats().published).toBe(4);
  });

  test("a grant of some of its channels publishes nothing", async () => {
    const { bus, post } = setUp({ authorize: () => ({ channels: ["a"] }) });
    const refused = await post([
      { data: 1, channel: "a" },
      { data: 2, channel: "secret" },
      { data: 3 },
    ]);
    expect(refused).toMatchObject({
      status: 403,
      body: { code: "FORBIDDEN", channels: ["secret", "default"] },
    });
    expect(bus.stats().published).toBe(0);
    expect((await post([{ data: 1, channel: "a" }])).status).toBe(200);
  });

  test("the rate limit counts messages", async () => {
    const { bus, post } = setUp({ ip: "192.0.2.1", maxPublishesPerMinute: 10 });
    const batch = (count: number) => Array.from({ length: count }, () => ({ data: 1 }));
    expect((await post(batch(8))).status).toBe(200);
    expect((await post(batch(3))).body).toMatchObject({ status: 429, code: "TOO_MANY_REQUESTS" });
    expect(bus.stats().published).toBe(8);
  });

  test("a batch that the rate limit would never allow is too large, and counts as one message", async () => {
    const { bus, post } = setUp({ ip: "192.0.2.1", maxPublishesPerMinute: 10 });
    const batch = (count: number) => Array.from({ length: count }, () => ({ data: 1 }));
    const refused = await post(batch(11));
    expect(refused.body).toMatchObject({ status: 413, code: "BATCH_TOO_LARGE" });
    expect(refused.body.detail).toContain("maxPublishesPerMinute");
    expect((await post(batch(9))).status).toBe(200);
    expect(bus.stats().published).toBe(9);
  });

  test("if only a part is stored, the problem document says which", async () => {
    const { publishMany: _, ...memory } = memoryBackend();
    let calls = 0;
    const backend: Backend = {
      ...memory,
      async publish(message) {
        if (calls++ === 1) throw new SseBusError("BACKEND_UNAVAILABLE", "The log is down.");
        return memory.publish(message);
      },
    };
    const { post } = setUp({ bus: { backend } });
    const { status, body } = await post([{ data: 1, channel: "a" }, { data: 2 }, { data: 3 }]);
    expect(status).toBe(503);
    expect(body).toMatchObject({
      code: "BACKEND_UNAVAILABLE",
      index: 1,
      stored: [{ id: expect.stringMatching(/@a$/), channel: "a" }, null, null],
    });
  });

  test("what is no publish request is refused with the accepted types", async () => {
    const { post } = setUp();
    expect((await post("{}", "text/plain")).body).toMatchObject({
      status: 415,
      detail: expect.stringContaining("application/x-ndjson"),
    });
    expect((await post("\u00a0[]")).body).toMatchObject({ status: 400, code: "MALFORMED_BODY" });
    expect((await post("[1] 2")).body).toMatchObject({ status: 400, code: "MALFORMED_BODY" });
    expect((await post('[{"data":1}')).body).toMatchObject({ status: 400, code: "MALFORMED_BODY" });
  });
});
