import { createHash } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { readTestStream } from "../../test/support/event-stream.ts";
import {
  closeHandlerForms,
  HANDLER_FORMS,
  type HandlerForm,
} from "../../test/support/handler-forms.ts";
import { createBus } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { routeContext } from "../http/route-context.ts";
import { createStreamHandler } from "../http/stream-handler.ts";
import type { WebHandler } from "../http/web-call.ts";
import { createInspector, type InspectorData } from "./inspector.ts";
import type { InspectorEnv, InspectorOptions } from "./inspector-options.ts";
import { tokenAuthorize } from "./token-authorize.ts";
import { webInspector } from "./web-inspector.ts";

const URL_OF_INSPECTOR = "http://localhost/inspector";
const DEVELOPMENT: InspectorEnv = { NODE_ENV: "development" };

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  closeHandlerForms();
  for (const close of closing.splice(0).toReversed()) await close();
});

function makeBus(errors: Error[] = []): Bus {
  const bus = createBus({ onError: (error) => errors.push(error) });
  closing.push(bus.close);
  return bus;
}

interface Setting extends InspectorOptions {
  readonly env?: InspectorEnv;
  readonly ip?: string;
}

/** An inspector in one of its forms, without its event stream. */
function openInspector(form: HandlerForm, { env = {}, ip, ...options }: Setting = {}) {
  const errors: Error[] = [];
  const bus = makeBus(errors);
  const { handle } = createInspector(routeContext(bus), options, () => env);
  const ask = form(handle, { socketIp: () => ip, trustedProxies: 0 });
  return { bus, errors, ...requestsTo(ask) };
}

function requestsTo(ask: WebHandler) {
  const read = async (headers: Record<string, string> = {}): Promise<Response> =>
    ask(new Request(URL_OF_INSPECTOR, { headers: { Accept: "application/json", ...headers } }));
  return {
    ask,
    read,
    page: async (headers: Record<string, string> = {}) =>
      ask(
        new Request(URL_OF_INSPECTOR, { headers: { Accept: "text/html,*/*;q=0.8", ...headers } }),
      ),
    data: async (headers?: Record<string, string>) =>
      (await (await read(headers)).json()) as InspectorData,
    act: async (action: string, body: unknown, headers: Record<string, string> = {}) =>
      ask(
        new Request(`${URL_OF_INSPECTOR}?action=${action}`, {
          method: "POST",
          headers: { "Content-Type": "application/json", ...headers },
          body: JSON.stringify(body),
        }),
      ),
  };
}

async function codeOf(response: Response): Promise<[number, string]> {
  return [response.status, ((await response.json()) as { code: string }).code];
}

async function openStream(bus: Bus, query: string, identity?: string) {
  const authorize = () => (identity === undefined ? true : { identity: { id: identity } });
  const host = { socketIp: () => undefined, trustedProxies: 0 };
  const handle = createStreamHandler(routeContext(bus), { authorize }, host);
  const stream = readTestStream(await handle(new Request(`http://localhost/sse?${query}`)));
  const { connection } = JSON.parse((await stream.until("hello")).data) as { connection: string };
  return { ...stream, connection };
}

describe.each(HANDLER_FORMS)("over %s, the inspector", (_, form) => {
  describe("in production without `authorize`", () => {
    test("does not exist, and the answer names the remedy", async () => {
      const { page, read, act, bus } = openInspector(form, { env: { NODE_ENV: "production" } });
      const message = { channel: "a", data: 1 };
      for (const response of [await page(), await read(), await act("publish", message)]) {
        expect(response.status).toBe(404);
        expect(await response.text()).toContain("`authorize`");
      }
      expect((await bus.cursor()).startsWith("0-"), "nothing was published").toBe(true);
    });
  });

  describe("in development", () => {
    test("answers localhost and addresses, and no other name", async () => {
      const { page, read, act } = openInspector(form, { env: DEVELOPMENT });
      for (const host of ["localhost:3000", "127.0.0.1:3000", "[::1]:3000"]) {
        expect((await page({ host })).status).toBe(200);
      }
      const rebound = { host: "rebound.example:3000" };
      expect(await codeOf(await page(rebound))).toEqual([403, "HOST_NOT_ALLOWED"]);
      expect(await codeOf(await read(rebound))).toEqual([403, "HOST_NOT_ALLOWED"]);
      const published = await act("publish", { channel: "a", data: 1 }, rebound);
      expect(await codeOf(published)).toEqual([403, "HOST_NOT_ALLOWED"]);
    });

    test("lets everybody publish and disconnect", async () => {
      const { data } = openInspector(form, { env: DEVELOPMENT });
      expect((await data()).may).toEqual({ publish: true, disconnect: true });
    });
  });

  describe("with `authorize`", () => {
    test("asks it in development, too", async () => {
      const { read } = openInspector(form, { env: DEVELOPMENT, authorize: () => false });
      expect(await codeOf(await read())).toEqual([403, "FORBIDDEN"]);
    });

    test.each([
      [true, { publish: true, disconnect: true }],
      [{}, { publish: false, disconnect: false }],
      [{ publish: true }, { publish: true, disconnect: false }],
      [
        { disconnect: true, publish: 1 },
        { publish: false, disconnect: true },
      ],
    ])("%j permits exactly that", async (grant, may) => {
      const { data } = openInspector(form, { authorize: () => grant as never });
      expect((await data()).may).toEqual(may);
    });

    test.each([[false], [403], [undefined], [null], [1], ["yes"], [[]], [new Response("yes")]])(
      "%s lets nobody in",
      async (answer) => {
        const { page, read } = openInspector(form, { authorize: () => answer as never });
        for (const response of [await page(), await read()]) {
          expect(await codeOf(response)).toEqual([403, "FORBIDDEN"]);
        }
      },
    );

    test("a failure of it denies access and is reported", async () => {
      const { read, errors } = openInspector(form, {
        authorize: () => {
          throw new Error("no session store");
        },
      });
      expect(await codeOf(await read())).toEqual([403, "FORBIDDEN"]);
      expect(errors).toMatchObject([{ code: "AUTHORIZATION_FAILED" }]);
    });

    test("an action that it does not permit is refused, and nothing happens", async () => {
      const { act, bus } = openInspector(form, { authorize: () => ({}) });
      const stream = await openStream(bus, "channel=a");
      expect(await codeOf(await act("publish", { channel: "a", data: 1 }))).toEqual([
        403,
        "FORBIDDEN",
      ]);
      const target = { connection: stream.connection };
      expect(await codeOf(await act("disconnect", target))).toEqual([403, "FORBIDDEN"]);
      await bus.publish(2, { channel: "a" });
      expect((await stream.until("message")).data).toBe("2");
    });
  });

  describe("with a token", () => {
    const basic = (user: string, password: string) => ({
      authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
    });

    test("asks a browser for it, as a password", async () => {
      const { page } = openInspector(form, { authorize: tokenAuthorize("s3crét:1") });
      const refused = await page();
      expect(refused.status).toBe(401);
      expect(refused.headers.get("www-authenticate")).toMatch(/^Basic realm="/);
      expect((await page(basic("", "s3crét:1"))).status).toBe(200);
      expect((await page(basic("anybody", "s3crét:1"))).status).toBe(200);
      expect((await page(basic("s3crét:1", ""))).status).toBe(401);
      expect((await page({ authorization: "Basic %%%" })).status).toBe(401);
    });

    test("accepts it as a bearer token", async () => {
      const { read } = openInspector(form, { authorize: tokenAuthorize("abc") });
      expect((await read({ authorization: "Bearer abc" })).status).toBe(200);
      for (const wrong of ["Bearer abcd", "Bearer ab", "Bearer", "abc", "Digest abc"]) {
        expect([wrong, (await read({ authorization: wrong })).status]).toEqual([wrong, 401]);
      }
    });

    test("limits guesses by address, and then refuses even the right one", async () => {
      const { read } = openInspector(form, { authorize: tokenAuthorize("abc"), ip: "203.0.113.7" });
      const statuses: number[] = [];
      for (let guess = 0; guess < 13; guess++) {
        statuses.push((await read({ authorization: `Bearer ${guess}` })).status);
      }
      expect(statuses.slice(0, 12)).toEqual(Array.from({ length: 12 }, () => 401));
      expect(statuses[12]).toBe(429);
      const right = await read({ authorization: "Bearer abc" });
      expect(await codeOf(right)).toEqual([429, "TOO_MANY_REQUESTS"]);
    });

    test("is no token at all if it is empty", () => {
      expect(tokenAuthorize("")).toBeUndefined();
      expect(tokenAuthorize(undefined)).toBeUndefined();
    });
  });

  describe("its page", () => {
    test("permits its own script and style by their hashes, and requests to its own origin", async () => {
      const { page } = openInspector(form, { env: DEVELOPMENT });
      const response = await page();
      const html = await response.text();
      const policy = response.headers.get("content-security-policy") ?? "";
      const script = /<script type="module">([^]*?)<\/script>/.exec(html)?.[1] as string;
      const style = /<style>([^]*?)<\/style>/.exec(html)?.[1] as string;
      expect(policy.split("; ")).toEqual([
        "default-src 'none'",
        `script-src '${hashOf(script)}'`,
        `style-src '${hashOf(style)}'`,
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
      ]);
      expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
      expect(response.headers.get("cache-control")).toBe("no-store");
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      expect(response.headers.get("x-frame-options")).toBe("DENY");
    });

    test("is one file of at most 60 kB, without inline handlers, style attributes and addresses", async () => {
      const { page } = openInspector(form, { env: DEVELOPMENT });
      const html = await (await page()).text();
      expect(Buffer.byteLength(html)).toBeLessThanOrEqual(60_000);
      const markup = html.replaceAll(/<(script|style)[^]*?<\/\1>/g, "");
      expect(markup).not.toMatch(/\son\w+=|\sstyle=|\ssrc=|\saction=|https?:/);
      expect(html).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write/);
      const addresses = html.match(/https?:\/\/[^"'`\s)]+/g) ?? [];
      expect([...new Set(addresses)]).toEqual(["http://www.w3.org/2000/svg"]);
    });

    test("answers HEAD with the same headers", async () => {
      const { ask, page } = openInspector(form, { env: DEVELOPMENT });
      const head = await ask(new Request(URL_OF_INSPECTOR, { method: "HEAD" }));
      expect(head.status).toBe(200);
      const wanted = (await page()).headers.get("content-security-policy");
      expect(head.headers.get("content-security-policy")).toBe(wanted);
    });
  });

  test("its data describes the instance, its streams, channels and subscribers", async () => {
    const { bus, data } = openInspector(form, { env: DEVELOPMENT });
    const stream = await openStream(bus, "channel=a", "ada");
    bus.subscribe(() => {}, { channel: "a" });
    await bus.publish({ n: 1 }, { channel: "a" });
    await stream.until("message");
    const { instances } = await data();
    expect(instances).toMatchObject([
      {
        stats: { backend: "memory", status: "up", published: 1, listeners: 1 },
        process: { pid: process.pid, runtime: `Node.js ${process.versions.node}` },
        isDraining: false,
        sinks: { direct: 0, web: 1 },
        connections: {
          total: 1,
          listed: [{ id: stream.connection, identity: { id: "ada" }, channels: ["a"], lag: 0 }],
        },
        channels: { total: 1, listed: [{ name: "a", readers: 2, subscribers: 1, messages: 1 }] },
        presence: { total: 0, listed: [] },
      },
    ]);
    expect(instances[0]?.head).toMatch(/^\d+-/);
    await stream.cancel();
    await expect.poll(async () => (await data()).instances[0]?.ended).toEqual({ client: 1 });
  });

  test("publishes a message, and answers a wrong one with its code", async () => {
    const { bus, act } = openInspector(form, { env: DEVELOPMENT });
    const received: unknown[] = [];
    bus.subscribe((data, { event, key }) => received.push([data, event, key]), { channel: "a" });
    const message = { channel: "a", event: "changed", key: "k", data: { n: 1 } };
    const response = await act("publish", message);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ channel: "a", event: "changed" });
    await expect.poll(() => received).toEqual([[{ n: 1 }, "changed", "k"]]);
    const wrong = await act("publish", { channel: "no channel!", data: 1 });
    expect(await codeOf(wrong)).toEqual([400, "INVALID_CHANNEL"]);
    expect(await codeOf(await act("publish", { chanel: "a", data: 1 }))).toEqual([
      400,
      "MALFORMED_BODY",
    ]);
    expect(await codeOf(await act("drop", {}))).toEqual([400, "MALFORMED_BODY"]);
  });

  test("disconnects one stream, or every stream of an identity", async () => {
    const { bus, act } = openInspector(form, { env: DEVELOPMENT });
    const [one, two, other] = [
      await openStream(bus, "channel=a", "ada"),
      await openStream(bus, "channel=a", "ada"),
      await openStream(bus, "channel=a", "bob"),
    ];
    const first = await act("disconnect", { connection: one.connection, code: "BY_OPERATOR" });
    expect(await first.json()).toEqual({ ended: 1 });
    const bye = JSON.parse((await one.until("bye")).data) as unknown;
    expect(bye).toMatchObject({ reason: "revoked", code: "BY_OPERATOR" });
    expect(await (await act("disconnect", { identity: "ada" })).json()).toEqual({ ended: 1 });
    await two.until("bye");
    for (const target of [{}, { identity: "" }, { everything: true }, null, []]) {
      const { status } = await act("disconnect", target);
      expect([target, status]).toEqual([target, expect.any(Number)]);
      expect(status).toBeGreaterThanOrEqual(400);
    }
    await bus.publish("still here", { channel: "a" });
    expect((await other.until("message")).data).toBe('"still here"');
  });

  test("is not used by pages of other origins", async () => {
    const { bus, read, act } = openInspector(form, { env: DEVELOPMENT });
    for (const headers of [
      { origin: "https://evil.example" },
      { origin: "null" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { referer: "https://evil.example/" },
    ] as Record<string, string>[]) {
      expect(await codeOf(await read(headers))).toEqual([403, "CROSS_SITE"]);
      const published = await act("publish", { channel: "a", data: 1 }, headers);
      expect(await codeOf(published)).toEqual([403, "CROSS_SITE"]);
    }
    const simple = await act(
      "publish",
      { channel: "a", data: 1 },
      { "Content-Type": "text/plain" },
    );
    expect(await codeOf(simple)).toEqual([415, "UNSUPPORTED_MEDIA_TYPE"]);
    expect((await bus.cursor()).startsWith("0-"), "nothing was published").toBe(true);
    const own = { origin: "http://localhost", host: "localhost" };
    expect((await act("publish", { channel: "a", data: 1 }, own)).status).toBe(200);
  });

  test("names its methods", async () => {
    const { ask } = openInspector(form, { env: DEVELOPMENT });
    const put = await ask(new Request(URL_OF_INSPECTOR, { method: "PUT" }));
    expect([put.status, put.headers.get("allow")]).toEqual([405, "GET, HEAD, POST, OPTIONS"]);
  });
});

describe("its event stream", () => {
  const events = { Accept: "text/event-stream" };

  function openWeb(options: InspectorOptions, env: InspectorEnv = {}) {
    const bus = makeBus();
    const host = { socketIp: () => "203.0.113.9", trustedProxies: 0, env: () => env };
    const handle = webInspector(bus, options, host);
    return {
      bus,
      stream: async (query: string, headers: Record<string, string> = events) =>
        handle(new Request(`${URL_OF_INSPECTOR}?${query}`, { headers })),
    };
  }

  test("is the ordinary one of the bus, with every channel", async () => {
    const { bus, stream } = openWeb({ authorize: () => ({}) });
    const opened = readTestStream(await stream("channel=**"));
    await opened.until("hello");
    await bus.publish({ n: 1 }, { channel: "a/b", event: "changed" });
    const { data, id } = await opened.until("changed");
    expect([data, id]).toEqual(['{"n":1}', expect.stringContaining("@a/b")]);
    await opened.cancel();
  });

  test("is closed wherever the page is closed", async () => {
    expect(await codeOf(await openWeb({}).stream("channel=**"))).toEqual([404, "NOT_FOUND"]);
    const denied = openWeb({ authorize: () => false });
    expect(await codeOf(await denied.stream("channel=**"))).toEqual([403, "FORBIDDEN"]);
    const development = openWeb({}, DEVELOPMENT);
    const rebound = { ...events, host: "rebound.example" };
    expect(await codeOf(await development.stream("channel=**", rebound))).toEqual([
      403,
      "HOST_NOT_ALLOWED",
    ]);
    const foreign = { ...events, origin: "https://evil.example" };
    expect(await codeOf(await development.stream("channel=**", foreign))).toEqual([
      403,
      "CROSS_SITE",
    ]);
  });

  test("limits guesses of a token like every other request", async () => {
    const { stream } = openWeb({ authorize: tokenAuthorize("abc") });
    for (let guess = 0; guess < 12; guess++) {
      const answer = await stream("channel=**", { ...events, authorization: `Bearer ${guess}` });
      expect(answer.status).toBe(401);
    }
    const right = await stream("channel=**", { ...events, authorization: "Bearer abc" });
    expect(right.status).toBe(429);
  });

  test("does not carry the bus's own channels", async () => {
    const { stream } = openWeb({ authorize: () => true });
    expect(await codeOf(await stream("channel=~inspector"))).toEqual([400, "INVALID_CHANNEL"]);
  });
});

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
