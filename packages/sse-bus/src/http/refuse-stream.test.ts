import { afterEach, describe, expect, test } from "vitest";
import { createBus } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { drainConnections } from "./drain.ts";
import { SseBusError } from "../core/errors.ts";
import { createStreamHandler } from "./stream-handler.ts";
import type { StreamOptions } from "./stream-options.ts";
import { routeContext } from "./route-context.ts";

const buses: Bus[] = [];
afterEach(async () => {
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
});

function setUp(options: StreamOptions = {}) {
  const errors: Error[] = [];
  const bus = createBus({ onError: (error) => errors.push(error) });
  buses.push(bus);
  const context = routeContext(bus);
  const handle = createStreamHandler(context, options, {
    socketIp: () => "192.0.2.1",
    trustedProxies: 0,
  });
  const ask = (own: Record<string, string> = {}, query = "", method = "GET") =>
    handle(
      new Request(`http://localhost/api/sse${query}`, {
        method,
        headers: { Accept: "text/event-stream", ...own },
      }),
    );
  return { bus, context, ask, errors };
}

/** The fields of a block, which must be the only one. */
async function onlyBlock(response: Response): Promise<Record<string, string>> {
  const [block = "", rest] = (await response.text()).split("\n\n");
  expect(rest, "the stream ends after one block").toBe("");
  return Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s)));
}

const CURSOR = "2s-mb1x2k3f-k3x9q7aa";

/** The temporary reasons to refuse a stream. */
const PASSING = {
  draining: {
    make() {
      const all = setUp({ drainRetryMs: 7000 });
      drainConnections(all.context);
      return all;
    },
    told: { reason: "drain", code: "DRAINING", status: 503, leastMs: 7000 },
  },
  "at the server's limit": {
    make() {
      const all = setUp({ maxConnections: 1 });
      all.context.connections.places = 1;
      return all;
    },
    told: { reason: "limit", code: "TOO_MANY_CONNECTIONS", status: 503, leastMs: 2000 },
  },
  "at the client's limit": {
    make() {
      const all = setUp({ maxConnectionsPerClient: 1 });
      all.context.connections.perClient.set("192.0.2.1", 1);
      return all;
    },
    told: { reason: "limit", code: "TOO_MANY_CONNECTIONS", status: 429, leastMs: 10_000 },
  },
  "with `authorize` unavailable": {
    make: () =>
      setUp({
        authorize() {
          throw new SseBusError("AUTHORIZATION_UNAVAILABLE", "the database is down");
        },
      }),
    told: { reason: "unavailable", code: "AUTHORIZATION_UNAVAILABLE", status: 503, leastMs: 2000 },
  },
  "with the backend down": {
    make() {
      const all = setUp();
      Object.assign(all.context.engine.lifecycle, {
        open: () => Promise.reject(new SseBusError("BACKEND_UNAVAILABLE", "cannot be reached")),
      });
      return all;
    },
    told: { reason: "unavailable", code: "BACKEND_UNAVAILABLE", status: 503, leastMs: 2000 },
  },
  "with the bus closed": {
    make() {
      const all = setUp();
      void all.bus.close();
      return all;
    },
    told: { reason: "drain", code: "BUS_CLOSED", status: 503, leastMs: 10_000 },
  },
};

describe.each(Object.entries(PASSING))("a server %s", (_, { make, told }) => {
  test("sends `bye` to clients that accept only an event stream, so that EventSource reconnects", async () => {
    const { ask } = make();
    const response = await ask({ Origin: "https://app.example" });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(response.headers.get("cache-control")).toBe("no-store, no-transform");
    expect(response.headers.get("x-accel-buffering")).toBe("no");
    const { retry, event, data = "", ...rest } = await onlyBlock(response);
    expect(rest, "no id: the cursor stays").toEqual({});
    expect(event).toBe("bye");
    expect(JSON.parse(data)).toEqual({
      reason: told.reason,
      code: told.code,
      retryMs: Number(retry),
    });
    expect(Number(retry)).toBeGreaterThanOrEqual(told.leastMs);
    expect(Number(retry)).toBeLessThanOrEqual(told.leastMs * 1.5);
  });

  test.each([
    "text/event-stream, application/problem+json",
    "*/*",
    "text/*",
    "text/event-stream, */*;q=0.1",
  ])("gives clients that accept %j the status", async (accept) => {
    const { ask } = make();
    const response = await ask({ Accept: accept });
    expect(response.status).toBe(told.status);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(await response.json()).toMatchObject({ code: told.code });
  });

  test("counts both responses as a refusal, not as a stream", async () => {
    const { ask, context } = make();
    const { places } = context.connections;
    await ask();
    await ask({ Accept: "*/*" });
    expect(context.connections.refusals.get(told.code)).toBe(2);
    expect(context.connections).toMatchObject({ places, open: new Set() });
    if (told.reason === "limit") {
      expect([...context.connections.limitsHit.values()]).toEqual([2]);
    }
  });

  test("echoes the cursor, and sends the unknown cursor for an invalid one", async () => {
    const { ask } = make();
    const idOf = async (headers: Record<string, string>, query = "") =>
      (await onlyBlock(await ask(headers, query))).id;
    expect(await idOf({ "Last-Event-ID": CURSOR })).toBe(CURSOR);
    expect(await idOf({ "Last-Event-ID": `${CURSOR}@orders/42` })).toBe(`${CURSOR}@orders/42`);
    expect(await idOf({}, `?lastEventId=${CURSOR}`)).toBe(CURSOR);
    expect(await idOf({ "Last-Event-ID": "seed" })).toBe("0-0-0");
    expect(await idOf({}, "?lastEventId=a%0aevent:%20message%0adata:%20x%0a%0a")).toBe("0-0-0");
  });
});

test("many refused clients do not reconnect at the same moment", async () => {
  const { ask } = PASSING["at the server's limit"].make();
  const waits = new Set<string | undefined>();
  for (let n = 0; n < 30; n++) waits.add((await onlyBlock(await ask())).retry);
  expect(waits.size).toBeGreaterThan(20);
});

test("a page of an allowed origin may read its `bye`", async () => {
  const cors = { origins: ["https://app.example"], credentials: true };
  const { ask, context } = setUp({ cors });
  drainConnections(context);
  const { headers } = await ask({ Origin: "https://app.example" });
  expect(headers.get("access-control-allow-origin")).toBe("https://app.example");
  expect(headers.get("access-control-allow-credentials")).toBe("true");
});

test("an infinite wait is sent as a number", async () => {
  const { ask, context } = setUp({ drainRetryMs: Number.POSITIVE_INFINITY });
  drainConnections(context);
  const { retry, data = "" } = await onlyBlock(await ask());
  expect(retry).toBe("2147483647");
  expect(JSON.parse(data)).toMatchObject({ retryMs: 2_147_483_647 });
});

test("final refusals keep their status, whatever `Accept` says", async () => {
  const { ask, context } = setUp({ authorize: ({ channels }) => channels[0] === "a" || 401 });
  drainConnections(context);
  expect((await ask({}, "?channel=a%20b")).status).toBe(400);
  expect((await ask({}, "?from=x")).status).toBe(400);
  expect((await ask({}, "", "POST")).status).toBe(405);
  context.connections.isDraining = false;
  expect((await ask({}, "?channel=b")).status).toBe(401);
});

test("HEAD has no body and opens nothing while streams are refused", async () => {
  const { ask, context } = setUp();
  drainConnections(context);
  const response = await ask({}, "", "HEAD");
  expect(response.status).toBe(200);
  expect(response.body).toBeNull();
});

test("at a shutdown, `retry` is longer than a restart, and `retryMs` is for clients that retry after a 502", async () => {
  const { ask, context } = setUp({ drainRetryMs: 7000 });
  const reader = (await ask()).body!.pipeThrough(new TextDecoderStream()).getReader();
  await reader.read();
  const block = reader.read();
  drainConnections(context);
  const { value = "" } = await block;
  const retry = Number(/^retry: (\d+)$/m.exec(value)?.[1]);
  const { retryMs } = JSON.parse(/^data: (.*)$/m.exec(value)?.[1] ?? "") as { retryMs: number };
  expect(retry).toBe(7000 + retryMs);
  expect(retryMs).toBeLessThan(1000);
});
