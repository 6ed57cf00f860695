import assert from "node:assert/strict";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { anyText } from "../../test/support/any-text.ts";
import { createBus, internalsOf } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { connectionsOf } from "./connections.ts";
import { createPublishHandler } from "./publish-handler.ts";
import type { PublishEnv } from "./publish-options.ts";
import { createStreamHandler } from "./stream-handler.ts";
import { readTestStream } from "../../test/support/event-stream.ts";
import { routeContext } from "./route-context.ts";

/** More in a longer run: `FUZZ_RUNS=100000 vitest run fuzz`. */
const numRuns = Number(process.env.FUZZ_RUNS ?? 500);

const unhandled: unknown[] = [];
const listen = (reason: unknown): unknown => unhandled.push(reason);
beforeAll(() => {
  process.on("unhandledRejection", listen);
});
afterAll(async () => {
  // Rejections are reported a turn after they happen.
  await new Promise((resolve) => setTimeout(resolve, 20));
  process.off("unhandledRejection", listen);
  assert.deepEqual(unhandled, []);
});

let bus: Bus;
let errors: Error[];
beforeEach(() => {
  errors = [];
  bus = createBus({ maxMessageBytes: 500, onError: (error) => errors.push(error) });
});
afterEach(async () => {
  await bus.close();
  assert.deepEqual(errors, []);
  // Nothing a request said has reached what all objects share.
  assert.deepEqual(Object.keys(Object.prototype), []);
});

const host = { socketIp: () => undefined, trustedProxies: 0 };

function publisher(env: PublishEnv) {
  const options = { maxPublishesPerMinute: Number.POSITIVE_INFINITY };
  return createPublishHandler(routeContext(bus), options, { ...host, env: () => env });
}

/** What `Headers` takes; what it refuses cannot come in over HTTP either. */
const anyHeaderValue = fc
  .oneof(anyText, fc.string({ maxLength: 300 }), fc.constantFrom("", "*/*", "gzip", "null", "1"))
  .filter(isHeaderValue);
const HEADERS =
  "accept authorization content-type content-encoding content-length cookie host last-event-id origin referer sec-fetch-dest sec-fetch-mode sec-fetch-site sec-purpose x-forwarded-for x-http-method-override rsc".split(
    " ",
  );
const anyHeaders = fc.dictionary(
  fc.constantFrom(...HEADERS),
  fc.oneof(anyHeaderValue, fc.constantFrom("text/event-stream", "application/json", "no-cors")),
  { maxKeys: 6 },
);
const anyValue = fc.oneof(
  anyText,
  fc.string(),
  fc.constantFrom("a", "a/*", "**", "earliest", "latest", "hello", "bye", "__proto__", "0-0-0"),
  fc.constantFrom("a\r\nevent: bye\r\ndata: {}\r\n\r\n", "a\0", "*/".repeat(90) + "*"),
);
const anyQuery = fc.array(
  fc.tuple(
    fc.constantFrom("channel", "from", "msg", "event", "key", "id", "__proto__", "constructor", ""),
    anyValue,
  ),
  { maxLength: 6 },
);
const methods = fc.constantFrom("GET", "GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE");

function urlOf(path: string, query: readonly (readonly [string, string])[], isRaw: boolean) {
  // As a program would write it, and as somebody who does not encode it would.
  const text = isRaw
    ? query.map(([name, value]) => `${name}=${value}`).join("&")
    : new URLSearchParams(query.map(([name, value]) => [name, value])).toString();
  return `http://localhost${path}?${text}`;
}

async function expectProblem(response: Response): Promise<void> {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  const problem = (await response.json()) as { status: number };
  expect(problem).toMatchObject({ code: expect.stringMatching(/^[A-Z_]+$/) });
  expect(problem.status).toBe(response.status);
}

describe("whatever is asked of", () => {
  test("the stream is answered by a stream, by its headers or by a coded refusal, and leaves nothing", async () => {
    const handle = createStreamHandler(routeContext(bus), {}, host);
    await fc.assert(
      fc.asyncProperty(
        methods,
        anyQuery,
        anyHeaders,
        fc.boolean(),
        async (method, query, headers, isRaw) => {
          const url = urlOf("/api/sse", query, isRaw);
          const response = await handle(new Request(url, { method, headers }));
          expect([200, 400, 403, 405, 406]).toContain(response.status);
          if (response.status !== 200) await expectProblem(response);
          else if (method === "HEAD") expect(response.body).toBeNull();
          else {
            const stream = readTestStream(response);
            expect((await stream.next())?.event).toBe("hello");
            await stream.cancel();
          }
          expect(bus.stats().connections).toBe(0);
        },
      ),
      { numRuns },
    );
    expect(connectionsOf(internalsOf(bus)).places).toBe(0);
    expect(bus.stats()).toMatchObject({ channels: 0, published: 0 });
  });

  test("the trigger publishes just when it answers 200, and just what it answers", async () => {
    const handle = publisher({ NODE_ENV: "development" });
    let published = 0;
    await fc.assert(
      fc.asyncProperty(
        methods.filter((method) => method !== "POST"),
        anyQuery,
        anyHeaders,
        fc.boolean(),
        async (method, query, headers, isRaw) => {
          const url = urlOf("/api/publish", query, isRaw);
          const response = await handle(new Request(url, { method, headers }));
          expect([200, 400, 403, 405, 413]).toContain(response.status);
          if (response.status === 200) {
            const { duplicate } = (await response.json()) as { duplicate?: true };
            if (!duplicate) published++;
          } else await expectProblem(response);
          expect(bus.stats().published).toBe(published);
        },
      ),
      { numRuns },
    );
    expect(published).toBeGreaterThan(numRuns / 100);
  });

  const jsonText = fc.oneof(
    fc.json(),
    fc.record({ data: fc.jsonValue() }).map((body) => JSON.stringify(body)),
    fc
      .record(
        { data: fc.jsonValue(), channel: anyValue, event: anyValue, key: anyValue, id: anyValue },
        { requiredKeys: ["data"] },
      )
      .map((body) => JSON.stringify(body)),
    fc.constantFrom(
      '{"data":1,"__proto__":{"channel":"b"}}',
      '{"__proto__":{"data":1}}',
      '{"data":1,"constructor":{"prototype":{"polluted":1}}}',
      '{"data":{"__proto__":{"polluted":1}}}',
      '{"data":1,"channel":"a","channel":"b"}',
      "[".repeat(2000),
      `{"data":${"[".repeat(2000)}${"]".repeat(2000)}}`,
    ),
  );
  const anyBody = fc.oneof(
    jsonText.map((text) => new TextEncoder().encode(text)),
    fc.uint8Array({ maxLength: 5000 }),
  );

  test("a post publishes just when it answers 200, whatever its body and headers", async () => {
    const handle = publisher({ NODE_ENV: "development" });
    let published = 0;
    await fc.assert(
      fc.asyncProperty(anyBody, anyHeaders, fc.boolean(), async (body, headers, isJson) => {
        const given = isJson ? { ...headers, "content-type": "application/json" } : headers;
        const request = new Request("http://localhost/api/publish", {
          method: "POST",
          body,
          headers: given,
        });
        const response = await handle(request);
        expect([200, 400, 403, 413, 415]).toContain(response.status);
        if (response.status === 200) {
          const { duplicate } = (await response.json()) as { duplicate?: true };
          if (!duplicate) published++;
        } else await expectProblem(response);
        expect(bus.stats().published).toBe(published);
      }),
      { numRuns },
    );
    expect(published).toBeGreaterThan(numRuns / 100);
  });

  test("production publishes nothing without its token, whatever else is right", async () => {
    for (const env of [
      { NODE_ENV: "production" },
      { NODE_ENV: "production", SSE_BUS_PUBLISH_TOKEN: "k3Jw-this-is-not-guessed" },
    ]) {
      const handle = publisher(env);
      await fc.assert(
        fc.asyncProperty(
          methods,
          anyQuery,
          anyHeaders,
          anyBody,
          async (method, query, own, body) => {
            const url = urlOf("/api/publish", [["msg", "x"], ...query], false);
            const headers = {
              ...own,
              ...(method === "POST" && { "content-type": "application/json" }),
            };
            const response = await handle(
              new Request(url, { method, headers, ...(method === "POST" && { body }) }),
            );
            const isWrongHost = "host" in own && response.status === 400;
            if (!isWrongHost) expect([401, 403, 405]).toContain(response.status);
          },
        ),
        { numRuns: Math.ceil(numRuns / 2) },
      );
    }
    expect(bus.stats().published).toBe(0);
  });
});

function isHeaderValue(text: string): boolean {
  try {
    return new Headers({ a: text }).has("a");
  } catch {
    return false;
  }
}
