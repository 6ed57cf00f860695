import assert from "node:assert/strict";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { anyText } from "../../test/support/any-text.ts";
import { createBus, internalsOf } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { errorPage } from "../core/error-page.ts";
import { connectionsOf } from "./connections.ts";
import { createPublishHandler } from "./publish-handler.ts";
import type { PublishEnv } from "./publish-options.ts";
import { createStreamHandler } from "./stream-handler.ts";
import { webHandler } from "./web-call.ts";
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
  // Rejections are reported one turn of the event loop later.
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
  // No request has changed the prototype that all objects share.
  assert.deepEqual(Object.keys(Object.prototype), []);
});

const host = { socketIp: () => undefined, trustedProxies: 0 };

function publisher(env: PublishEnv) {
  const options = { maxPublishesPerMinute: Number.POSITIVE_INFINITY };
  return webHandler(createPublishHandler(routeContext(bus), options, { env: () => env }), host);
}

/** What `Headers` accepts; what it rejects cannot arrive over HTTP either. */
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
const anyField = fc.tuple(
  fc.constantFrom("channel", "from", "msg", "event", "key", "id", "__proto__", "constructor", ""),
  anyValue,
);
/** A page that does not wait, or none at all. */
const anyPageField = fc.tuple(
  fc.constantFrom("wait", "limit"),
  fc.constantFrom("0", "", "1e1", "-1", "61", "00000", "\0", "٠"),
);
const anyQuery = fc.array(
  fc.oneof({ weight: 6, arbitrary: anyField }, { weight: 1, arbitrary: anyPageField }),
  { maxLength: 6 },
);
const methods = fc.constantFrom("GET", "GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE");

function urlOf(path: string, query: readonly (readonly [string, string])[], isRaw: boolean) {
  // As a program writes it, and without encoding.
  const text = isRaw
    ? query.map(([name, value]) => `${name}=${value}`).join("&")
    : new URLSearchParams(query.map(([name, value]) => [name, value])).toString();
  return `http://localhost${path}?${text}`;
}

async function expectProblem(response: Response): Promise<void> {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  const problem = (await response.json()) as { status: number; code: string };
  expect(problem).toMatchObject({
    type: errorPage(problem.code),
    code: expect.stringMatching(/^[A-Z_]+$/),
  });
  expect(problem.status).toBe(response.status);
}

describe("any request to", () => {
  test("the stream route gets a stream, its headers or a coded refusal, and leaks nothing", async () => {
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
          else if (response.headers.get("content-type") === "application/json") {
            expect(await response.json()).toMatchObject({ messages: [], more: false });
          } else {
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
    // That of the control channel.
    expect(internalsOf(bus).engine.readers.size).toBe(1);
    expect(bus.stats().published).toBe(0);
  });

  test("the trigger publishes if and only if it answers 200, and exactly what it answers", async () => {
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
  const batchText = fc
    .tuple(fc.array(jsonText, { maxLength: 4 }), fc.boolean())
    .map(([texts, isArray]) => (isArray ? `[${texts.join(",")}]` : texts.join("\n")));
  const anyBody = fc.oneof(
    fc.oneof(jsonText, batchText).map((text) => new TextEncoder().encode(text)),
    fc.uint8Array({ maxLength: 5000 }),
  );

  const anyType = fc.constantFrom(undefined, "application/json", "application/x-ndjson");

  test("POST publishes if and only if it answers 200, whatever its body and headers", async () => {
    const handle = publisher({ NODE_ENV: "development" });
    let published = 0;
    await fc.assert(
      fc.asyncProperty(anyBody, anyHeaders, anyType, async (body, headers, type) => {
        const given = { ...headers, ...(type !== undefined && { "content-type": type }) };
        const request = new Request("http://localhost/api/publish", {
          method: "POST",
          body,
          headers: given,
        });
        const response = await handle(request);
        expect([200, 400, 403, 413, 415]).toContain(response.status);
        if (response.status === 200) {
          const all = [await response.json()].flat() as { duplicate?: true }[];
          published += all.filter(({ duplicate }) => !duplicate).length;
        } else await expectProblem(response);
        expect(bus.stats().published).toBe(published);
      }),
      { numRuns },
    );
    expect(published).toBeGreaterThan(numRuns / 100);
  });

  test("production publishes nothing without its token, whatever the rest of the request", async () => {
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
