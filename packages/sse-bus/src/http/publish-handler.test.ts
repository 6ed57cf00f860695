import { afterEach, describe, expect, test, vi } from "vitest";
import { HANDLER_FORMS } from "../../test/support/handler-forms.ts";
import {
  closePublishRoutes,
  openPublishRoute,
  PUBLISH_URL,
  type PublishSetting,
} from "../../test/support/publish-route.ts";
import { webHandler } from "./web-call.ts";

afterEach(closePublishRoutes);

function postOf(body: ReadableStream<Uint8Array>): Request {
  const init = { method: "POST", body, duplex: "half" };
  return new Request(PUBLISH_URL, { ...init, headers: { "Content-Type": "application/json" } });
}

async function refusal(response: Response) {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const { status, code } = (await response.json()) as { status: number; code: string };
  expect(response.status).toBe(status);
  return { status, code };
}

const production = { NODE_ENV: "production" };

describe.each(HANDLER_FORMS)("over %s", (_, form) => {
  const setUp = (setting?: PublishSetting) => openPublishRoute(form, setting);

  describe("a number that JSON.parse would change", () => {
    test.each([
      ['{ "data": 9007199254740993 }', "data"],
      ['{ "data": { "at": [0, 0.1234567890123456789] } }', "data.at[1]"],
      ['{ "data": 1e400 }', "data"],
    ])("is rejected with its path, and nothing is published: %s", async (body, path) => {
      const { bus, post } = setUp();
      const response = await post(body);
      const { code, detail } = (await response.json()) as { code: string; detail: string };
      expect(response.status).toBe(400);
      expect(code).toBe("INVALID_DATA");
      expect(detail).toContain(`\`${path}\``);
      expect(bus.stats().published).toBe(0);
    });

    test("is not the text that programs print for a double", async () => {
      const { post } = setUp();
      const response = await post('{ "data": [1e21, 0.10, -0.0, 123456789012345680000, 1.7e308] }');
      expect(response.status).toBe(200);
    });
  });

  describe("the trigger", () => {
    test("broadcasts the query, the browser and the address, and returns the message", async () => {
      const { bus, get } = setUp({ ip: "::ffff:203.0.113.7" });
      const seen: unknown[] = [];
      bus.subscribe((data) => seen.push(data));
      const response = await get("?msg=HelloWorld&colour=blue", {
        "User-Agent": "Test/1.0",
        "Accept-Language": "de",
        "Sec-CH-UA-Platform": '"Linux"',
      });
      expect(response.status).toBe(200);
      expect(response.headers.get("cache-control")).toBe("no-store");
      const message = (await response.json()) as { data: unknown };
      expect(message).toMatchObject({
        id: expect.any(String),
        channel: "default",
        event: "message",
        time: expect.any(Number),
        data: {
          msg: "HelloWorld",
          query: { msg: "HelloWorld", colour: "blue" },
          userAgent: "Test/1.0",
          language: "de",
          platform: "Linux",
          ip: "203.0.113.7",
          time: expect.any(String),
        },
      });
      expect(seen).toEqual([message.data]);
    });

    test("takes channel, event and key", async () => {
      const { get } = setUp();
      const message = await (await get("?msg=x&channel=a/b&event=tick&key=k")).json();
      expect(message).toMatchObject({ channel: "a/b", event: "tick", key: "k" });
    });

    test("ignores X-Forwarded-For by default, and otherwise uses only the nearest proxy's entry", async () => {
      const headers = { "X-Forwarded-For": "6.6.6.6, 198.51.100.9" };
      const ipOf = async (setting: PublishSetting) => {
        const response = await setUp(setting).get("?msg=x", headers);
        return ((await response.json()) as { data: { ip: string } }).data.ip;
      };
      expect(await ipOf({ ip: "10.0.0.1" })).toBe("10.0.0.1");
      expect(await ipOf({ ip: "10.0.0.1", trustedProxies: 1 })).toBe("198.51.100.9");
    });

    test("publishes nothing for a prefetch, a HEAD or a page of another site", async () => {
      const { bus, get, handle } = setUp();
      expect(await refusal(await get("?msg=x", { "Sec-Purpose": "prefetch" }))).toMatchObject({
        code: "PREFETCH",
      });
      for (const site of ["cross-site", "same-site"]) {
        const refused = await get("?msg=x", { "Sec-Fetch-Site": site });
        expect(await refusal(refused)).toEqual({ status: 403, code: "CROSS_SITE" });
      }
      const head = await handle(new Request(`${PUBLISH_URL}?msg=x`, { method: "HEAD" }));
      expect(head.status).toBe(405);
      expect(head.headers.get("allow")).toBe("GET, POST, OPTIONS");
      expect(bus.stats().published).toBe(0);
    });

    test.each([
      { "Sec-Purpose": "prefetch;prerender" },
      { Purpose: "prefetch" },
      { "X-Moz": "prefetch" },
      { "X-Purpose": "prefetch" },
      { "Next-Router-Prefetch": "1", RSC: "1" },
      { RSC: "1" },
    ] as Record<string, string>[])("publishes nothing for a guess: %o", async (headers) => {
      const { bus, get } = setUp();
      expect(await refusal(await get("?msg=x", headers))).toEqual({
        status: 403,
        code: "PREFETCH",
      });
      expect(bus.stats().published).toBe(0);
    });

    test("publishes for an address typed by the user and for the site's own pages", async () => {
      const { get, post } = setUp();
      for (const site of ["none", "same-origin"]) {
        expect((await get("?msg=x", { "Sec-Fetch-Site": site })).status).toBe(200);
      }
      const own = await post('{"data":1}', { Origin: "http://localhost", Host: "localhost" });
      expect(own.status).toBe(200);
    });
  });

  describe("POST", () => {
    test("publishes data of any JSON type", async () => {
      const { bus, post } = setUp();
      const seen: unknown[] = [];
      bus.subscribe((data) => seen.push(data));
      for (const data of [null, 0, "", false, [1], { a: { b: "ü 😀" } }]) {
        expect((await post(JSON.stringify({ data }))).status).toBe(200);
      }
      expect(seen).toEqual([null, 0, "", false, [1], { a: { b: "ü 😀" } }]);
    });

    test("stores a retry with the same id once and returns the first position", async () => {
      const { bus, post } = setUp();
      const first = (await (await post('{"data":1,"id":"x"}')).json()) as { id: string };
      const again = (await (await post('{"data":1,"id":"x"}')).json()) as { id: string };
      expect(again.id).toBe(first.id);
      expect(bus.stats().published).toBe(1);
    });

    test("publishes a string unchanged with `raw`", async () => {
      const { bus, post } = setUp();
      const seen: unknown[] = [];
      bus.subscribe((data) => seen.push(data), { channel: "rows" });
      const body = { data: "<li>a</li>\n<li>b</li>", channel: "rows", raw: true };
      const response = await post(JSON.stringify(body));
      expect(await response.json()).toMatchObject({
        id: expect.stringMatching(/@rows@raw$/) as string,
        data: body.data,
      });
      await post(JSON.stringify({ ...body, raw: false }));
      expect(seen).toEqual([body.data, body.data]);
    });

    test("an id belongs to its channel: the same id on another channel neither suppresses a message nor reveals one", async () => {
      const { bus, post } = setUp({
        authorize: ({ channels }) => channels.every((name) => name.startsWith("m/")),
      });
      const seen: unknown[] = [];
      bus.subscribe((data) => seen.push(data), { channel: "orders/42" });
      const taken = await post('{"data":0,"id":"order-42-paid","channel":"m/1"}');
      expect(await taken.json()).toMatchObject({ channel: "m/1" });
      const real = await bus.publish("paid", { channel: "orders/42", id: "order-42-paid" });
      expect(real.duplicate).toBeUndefined();
      expect(seen).toEqual(["paid"]);
      const probed = await post('{"data":0,"id":"order-42-paid","channel":"m/2"}');
      expect(await probed.json()).toMatchObject({ channel: "m/2" });
      expect(bus.stats().published).toBe(3);
    });

    test("an id belongs to its publisher: another identity or the server may use the same one", async () => {
      const { bus, post } = setUp({
        authorize({ request }) {
          const id = request.headers.get("x-user");
          return id === null ? true : { identity: { id } };
        },
      });
      const publish = async (user?: string) => {
        const response = await post('{"data":1,"id":"x"}', user ? { "X-User": user } : {});
        return (await response.json()) as { id: string; duplicate?: true };
      };
      const firsts = [await publish(), await publish("ada"), await publish("bob")];
      firsts.push((await bus.publish(1, { id: "x" })) as { id: string });
      expect(new Set(firsts.map(({ id }) => id)).size).toBe(4);
      expect(await publish()).toMatchObject({ id: firsts[0]?.id, duplicate: true });
      expect(await publish("ada")).toMatchObject({ id: firsts[1]?.id, duplicate: true });
      expect(await bus.publish(1, { id: "x", publisher: "bob" })).toMatchObject({
        id: firsts[2]?.id,
        duplicate: true,
      });
    });

    test.each([
      ["{", 400, "MALFORMED_BODY"],
      ["[1]", 400, "MALFORMED_BODY"],
      ["null", 400, "MALFORMED_BODY"],
      ["{}", 400, "MALFORMED_BODY"],
      ['{"data":1,"chanel":"a"}', 400, "MALFORMED_BODY"],
      ['{"data":1,"channel":7}', 400, "MALFORMED_BODY"],
      ['{"data":"a","raw":"true"}', 400, "MALFORMED_BODY"],
      ['{"data":"a","raw":1}', 400, "MALFORMED_BODY"],
      ['{"data":"a","raw":null}', 400, "MALFORMED_BODY"],
      ['{"data":1,"raw":true}', 400, "INVALID_DATA"],
      ['{"data":"a\\rb","raw":true}', 400, "INVALID_DATA"],
      ['{"data":"a\\u0000","raw":true}', 400, "INVALID_DATA"],
      ['{"data":"\\ud83d","raw":true}', 400, "INVALID_DATA"],
      ['{"data":1,"channel":"no spaces"}', 400, "INVALID_CHANNEL"],
      ['{"data":1,"channel":"a/*"}', 400, "INVALID_CHANNEL"],
      ['{"data":1,"channel":"~control"}', 400, "INVALID_CHANNEL"],
      ['{"data":1,"event":"a\\nb"}', 400, "INVALID_EVENT_NAME"],
      ['{"data":1,"event":"ping"}', 400, "INVALID_EVENT_NAME"],
      ['{"data":1,"key":""}', 400, "INVALID_KEY"],
      ['{"data":1,"id":"a\\u0000"}', 400, "INVALID_ID"],
    ] as const)("rejects %s with %i %s and publishes nothing", async (body, status, code) => {
      const { bus, post } = setUp();
      expect(await refusal(await post(body))).toEqual({ status, code });
      expect(bus.stats().published).toBe(0);
    });

    test("rejects invalid UTF-8, the wrong type, and bodies that are too large by declared or received length", async () => {
      const { bus, post } = setUp({ bus: { maxMessageBytes: 100 } });
      const bad = new Uint8Array([0x22, 0xff, 0x22]);
      expect(await refusal(await post(bad))).toMatchObject({ code: "MALFORMED_BODY" });
      expect(await refusal(await post('{"data":1}', { "Content-Type": "text/plain" }))).toEqual({
        status: 415,
        code: "UNSUPPORTED_MEDIA_TYPE",
      });
      const large = JSON.stringify({ data: "x".repeat(200) });
      expect(await refusal(await post(large))).toEqual({ status: 413, code: "MESSAGE_TOO_LARGE" });
      const huge = JSON.stringify({ data: "x".repeat(100_000) });
      expect(await refusal(await post(huge))).toEqual({ status: 413, code: "MESSAGE_TOO_LARGE" });
      const declared = await post("{}", { "Content-Length": "999999999" });
      expect(declared.status).toBe(413);
      expect(bus.stats().published).toBe(0);
    });

    test("rejects a compressed body, whatever it contains", async () => {
      const { bus, post } = setUp();
      const response = await post('{"data":1}', { "Content-Encoding": "gzip" });
      expect(response.headers.get("accept-encoding")).toBe("identity");
      expect(await refusal(response)).toEqual({ status: 415, code: "UNSUPPORTED_MEDIA_TYPE" });
      expect(bus.stats().published).toBe(0);
    });

    test("is 503 with Retry-After if the bus is closed", async () => {
      const { bus, post } = setUp();
      await bus.close();
      const response = await post('{"data":1}');
      expect(response.headers.get("retry-after")).not.toBeNull();
      expect(await refusal(response)).toEqual({ status: 503, code: "BUS_CLOSED" });
    });

    test("other methods are 405 with Allow", async () => {
      const { handle } = setUp();
      for (const method of ["PUT", "PATCH", "DELETE"]) {
        const response = await handle(new Request(PUBLISH_URL, { method }));
        expect(response.headers.get("allow")).toBe("GET, POST, OPTIONS");
        expect(await refusal(response)).toEqual({ status: 405, code: "METHOD_NOT_ALLOWED" });
      }
    });
  });

  describe("who may publish", () => {
    test("in production nobody, and the refusal names the settings", async () => {
      const { get, post } = setUp({ env: production });
      const response = await get("?msg=x");
      expect(((await response.clone().json()) as { detail: string }).detail).toContain(
        "SSE_BUS_PUBLISH_TOKEN",
      );
      expect(await refusal(response)).toEqual({ status: 403, code: "PUBLISHING_CLOSED" });
      expect((await post('{"data":1}')).status).toBe(403);
    });

    test("everybody who sends the token, if one is set", async () => {
      const { post } = setUp({ env: { ...production, SSE_BUS_PUBLISH_TOKEN: "s3cret" } });
      const missing = await post('{"data":1}');
      expect(missing.headers.get("www-authenticate")).toBe("Bearer");
      expect(missing.status).toBe(401);
      for (const wrong of ["Bearer", "Bearer nope", "Bearer s3cret2", "Basic s3cret", "s3cret"]) {
        expect((await post('{"data":1}', { Authorization: wrong })).status).toBe(401);
      }
      expect((await post('{"data":1}', { Authorization: "Bearer s3cret" })).status).toBe(200);
    });

    test("everybody with SSE_BUS_OPEN_PUBLISH=1, and with no other value", async () => {
      const status = async (value: string) =>
        (await setUp({ env: { ...production, SSE_BUS_OPEN_PUBLISH: value } }).get("?msg=x")).status;
      expect(await status("1")).toBe(200);
      expect(await status("0")).toBe(403);
      expect(await status("true")).toBe(403);
    });

    test.each([
      ["throws", () => Promise.reject(new Error("bug")), 403, "AUTHORIZATION_FAILED"],
      ["does not answer", () => new Promise<boolean>(() => {}), 503, "AUTHORIZATION_UNAVAILABLE"],
    ])("nobody while `authenticate` %s", async (_, authenticate, status, reported) => {
      const codes: unknown[] = [];
      const { post } = setUp({
        authorize: Object.assign(() => true, { authenticate }),
        authorizeTimeoutMs: 20,
        bus: { onError: (error) => codes.push((error as { code?: string }).code) },
      });
      expect((await post('{"data":1}')).status).toBe(status);
      expect(codes).toEqual([reported]);
    });

    test("guesses of the token are limited, per client and per IPv6 network", async () => {
      const env = { ...production, SSE_BUS_PUBLISH_TOKEN: "s3cret" };
      let ip = "2001:db8::1";
      const { get } = setUp({ env, ip: () => ip, maxPublishesPerMinute: 1000 });
      const guess = async (token: string) =>
        (await get("?msg=x", { Authorization: `Bearer ${token}` })).status;
      const answers: number[] = [];
      for (let n = 0; n < 12; n++) {
        ip = `2001:db8::${n.toString(16)}`;
        answers.push(await guess(`guess ${n}`));
      }
      expect(answers).toEqual([...Array.from({ length: 10 }, () => 401), 429, 429]);
      expect(await guess("s3cret"), "even the right one is not compared now").toBe(429);
      ip = "198.51.100.9";
      expect(await guess("s3cret"), "others are not affected").toBe(200);
    });

    test("nobody if the environment is not explicitly development", async () => {
      expect((await setUp({ env: {} }).get("?msg=x")).status).toBe(403);
    });

    test("clients that authorize allows, by channel", async () => {
      const { post } = setUp({
        env: production,
        authorize: ({ channels, action }) => action === "publish" && channels[0] === "open",
      });
      expect((await post('{"data":1,"channel":"open"}')).status).toBe(200);
      expect((await post('{"data":1,"channel":"shut"}')).status).toBe(403);
    });

    test("not faster than the limit, with the time to retry", async () => {
      const { bus, get } = setUp({ ip: "203.0.113.7", maxPublishesPerMinute: 2 });
      expect((await get("?msg=1")).status).toBe(200);
      expect((await get("?msg=2")).status).toBe(200);
      const response = await get("?msg=3");
      expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(await refusal(response)).toEqual({ status: 429, code: "TOO_MANY_REQUESTS" });
      expect(bus.stats().published).toBe(2);
    });
  });

  describe("a hostile body", () => {
    const times = (unit: string, bytes: number) => unit.repeat(Math.floor(bytes / unit.length));
    const LARGE = 1_500_000;
    test.each([
      ["deep arrays", `${times("[", LARGE / 2)}${times("]", LARGE / 2)}`, 400, "INVALID_DATA"],
      ["deep objects", times('{"":', LARGE), 400, "INVALID_DATA"],
      ["brackets in a row", `[${times("[],", LARGE)}1]`, 413, "MESSAGE_TOO_LARGE"],
      ["long decimals", `[${times("0.12345678901234567,", LARGE)}1]`, 413, "MESSAGE_TOO_LARGE"],
      ["many names", `{${times('"a":0,', LARGE)}"a":1}`, 413, "MESSAGE_TOO_LARGE"],
    ])("is rejected before it is parsed: %s", async (_, data, status, code) => {
      const parse = vi.spyOn(JSON, "parse");
      const { bus, post } = setUp();
      const response = await post(`{"data":${data}}`);
      const parses = parse.mock.calls.filter(([text]) => text.length > 1000);
      parse.mockRestore();
      expect(await refusal(response)).toEqual({ status, code });
      expect(parses).toEqual([]);
      expect(bus.stats().published).toBe(0);
    });

    test("is only a large one: escapes and white space do not count", async () => {
      const { post } = setUp();
      expect((await post(`{"data":"${"\\u0041".repeat(260_000)}"}`)).status).toBe(200);
      expect((await post(`{"data":[${" \n".repeat(500_000)}]}`)).status).toBe(200);
      expect((await post(`{"data":${"[".repeat(1000)}${"]".repeat(1000)}}`)).status).toBe(200);
      expect((await post(`{"data":"${"[".repeat(5000)}"}`)).status).toBe(200);
    });
  });
});

describe("the body of a `Request`", () => {
  const setUp = (setting?: PublishSetting) => openPublishRoute(webHandler, setting);
  test("a body that does not end gets a response, and its connection is closed", async () => {
    vi.useFakeTimers();
    const { handle } = setUp();
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"data":')),
      cancel: () => void (cancelled = true),
    });
    const pending = handle(postOf(body));
    await vi.advanceTimersByTimeAsync(15_000);
    vi.useRealTimers();
    const response = await pending;
    expect(response.headers.get("connection")).toBe("close");
    expect(await refusal(response)).toEqual({ status: 408, code: "REQUEST_TIMEOUT" });
    expect(cancelled).toBe(true);
  });

  test("a client that disconnects during its body is not an error of the server", async () => {
    const errors: Error[] = [];
    const { handle } = setUp({ bus: { onError: (error) => errors.push(error) } });
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error("aborted")),
    });
    expect(await refusal(await handle(postOf(body)))).toEqual({
      status: 400,
      code: "MALFORMED_BODY",
    });
    expect(errors).toEqual([]);
  });

  test("the body is read only after the client is known to be allowed to publish", async () => {
    for (const env of [production, { ...production, SSE_BUS_PUBLISH_TOKEN: "s3cret" }]) {
      let isRead = false;
      const body = new ReadableStream<Uint8Array>(
        { pull: () => void (isRead = true) },
        { highWaterMark: 0 },
      );
      const { handle } = setUp({ env });
      expect([401, 403]).toContain((await handle(postOf(body))).status);
      expect(isRead).toBe(false);
    }
  });

  test("nobody whose credentials `authenticate` rejects, and the body is not read", async () => {
    const authorize = Object.assign(() => true, {
      authenticate: async ({ headers }: Request) => headers.get("authorization") === "Bearer good",
    });
    const { bus, handle, post } = setUp({ authorize });
    let pulls = 0;
    const body = new ReadableStream<Uint8Array>({ pull: () => void pulls++ }, { highWaterMark: 0 });
    const refused = await handle(postOf(body));
    expect(await refusal(refused)).toEqual({ status: 401, code: "UNAUTHORIZED" });
    expect(refused.headers.get("www-authenticate")).toBe("Bearer");
    expect(pulls).toBe(0);
    expect((await post('{"data":1}', { Authorization: "Bearer good" })).status).toBe(200);
    expect(bus.stats().published).toBe(1);
  });
});
