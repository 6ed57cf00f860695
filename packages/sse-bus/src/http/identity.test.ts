import { afterEach, describe, expect, test, vi } from "vitest";
import { createBus } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { readTestStream } from "../../test/support/event-stream.ts";
import type { Authorize, Identity } from "./authorize.ts";
import { inspectBus } from "./inspect.ts";
import { requirePermission } from "./permission.ts";
import { toRefusal } from "./refusal.ts";
import { routeContext } from "./route-context.ts";
import { createStreamHandler } from "./stream-handler.ts";
import type { StreamOptions } from "./stream-options.ts";

const buses: Bus[] = [];
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
});

/** The identity of a test is what its header says; that of an application comes from a session or a token. */
const byHeader: Authorize = ({ request }) => {
  const id = request.headers.get("x-user");
  return id === null || { identity: { id } };
};

function setUp(options: StreamOptions = { authorize: byHeader }) {
  const bus = createBus({ onError() {} });
  buses.push(bus);
  const context = routeContext(bus);
  const host = { socketIp: () => undefined, trustedProxies: 0 };
  const handle = createStreamHandler(context, options, host);
  const get = (user?: string, query = "") =>
    handle(
      new Request(`http://localhost/api/sse${query}`, {
        headers: user === undefined ? {} : { "x-user": user },
      }),
    );
  return { bus, context, get };
}

describe("the identity that authorize returns", () => {
  async function read(identity: unknown) {
    const errors: Error[] = [];
    const answer = await requirePermission(
      () => ({ identity: identity as Identity }),
      { request: new Request("http://localhost/"), channels: ["a"], action: "subscribe" },
      { timeoutMs: 1000, onError: (error) => errors.push(error) },
    ).catch(toRefusal);
    const status = "problem" in answer ? answer.problem.status : 200;
    return { answer, status, causes: errors.map(({ cause }) => String(cause)) };
  }

  test.each([
    [{ id: "ada" }, { id: "ada" }],
    [{ id: "ada", info: undefined }, { id: "ada" }],
    [
      { id: "ada", info: null },
      { id: "ada", info: null },
    ],
    [
      { id: "ada", info: { name: "Ada", since: new Date(0) }, role: "admin" },
      { id: "ada", info: { name: "Ada", since: "1970-01-01T00:00:00.000Z" } },
    ],
    [{ id: "é".repeat(100) }, { id: "é".repeat(100) }],
    [
      { id: "ada", info: "x".repeat(1022) },
      { id: "ada", info: "x".repeat(1022) },
    ],
  ])("%o is read as %o", async (given, identity) => {
    expect((await read(given)).answer).toMatchObject({ identity });
  });

  test.each([
    [{ id: "é".repeat(101) }, "1 to 200 bytes"],
    [{ id: "ada", info: "x".repeat(1023) }, "`info` is 1025 bytes of JSON, and at most 1024"],
    [{ id: "ada", info: "é".repeat(512) }, "`info` is 1026 bytes"],
    [{ id: "ada", info: 7n }, "`info` is not JSON"],
    [{ id: "ada", info: () => 1 }, "`info` is not JSON"],
    [{ id: "ada", info: new Map() }, "`info` is not JSON"],
    [{ id: "ada", info: { at: undefined } }, "`info` is not JSON"],
  ])("%o grants nothing, and onError learns the cause", async (given, cause) => {
    const { status, causes } = await read(given);
    expect(status).toBe(403);
    expect(causes.join()).toContain(cause);
  });

  test("is a copy, which the application cannot change later", async () => {
    const info = { name: "Ada" };
    const { answer } = await read({ id: "ada", info });
    info.name = "Eve";
    expect(answer).toMatchObject({ identity: { info: { name: "Ada" } } });
  });
});

describe("inspectBus", () => {
  test("shows the identity of a stream, and none of an anonymous one", async () => {
    const { bus, get } = setUp({
      authorize: (context) =>
        context.request.headers.has("x-user")
          ? { identity: { id: "ada", info: { name: "Ada" } } }
          : true,
    });
    const known = readTestStream(await get("ada"));
    const anonymous = readTestStream(await get());
    const [first, second] = inspectBus(bus).connections.listed;
    expect(first?.identity).toEqual({ id: "ada", info: { name: "Ada" } });
    expect(second).not.toHaveProperty("identity");
    await Promise.all([known.cancel(), anonymous.cancel()]);
  });

  test("shows no identity that only the client claims", async () => {
    const { bus, get } = setUp({ authorize: () => true });
    const stream = readTestStream(await get("ada", "?identity=ada&sub=ada"));
    expect(inspectBus(bus).connections.listed[0]).not.toHaveProperty("identity");
    await stream.cancel();
  });
});

describe("maxConnectionsPerIdentity", () => {
  test("refuses further streams of an identity, and of no other, until one has ended", async () => {
    const { context, get } = setUp({ authorize: byHeader, maxConnectionsPerIdentity: 2 });
    const first = readTestStream(await get("ada"));
    await get("ada");
    const refused = await get("ada");
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("10");
    expect(await refused.json()).toMatchObject({
      code: "TOO_MANY_CONNECTIONS",
      detail: expect.stringContaining("2 open streams (`maxConnectionsPerIdentity`)"),
    });
    expect(context.connections.limitsHit.get("maxConnectionsPerIdentity")).toBe(1);
    expect((await get("bob")).status).toBe(200);
    expect((await get()).status, "anonymous streams have no such limit").toBe(200);
    await first.cancel();
    expect((await get("ada")).status).toBe(200);
  });

  test("holds for requests that authorize answers in the same turn", async () => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    let asked = 0;
    const { context, get } = setUp({
      maxConnectionsPerIdentity: 3,
      async authorize() {
        asked++;
        await gate;
        return { identity: { id: "ada" } };
      },
    });
    const answers = Array.from({ length: 20 }, () => get("ada"));
    await expect.poll(() => asked).toBe(20);
    release();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(3);
    expect(statuses.filter((status) => status === 429)).toHaveLength(17);
    expect(context.connections.perIdentity).toEqual(new Map([["ada", 3]]));
    expect(context.connections.places).toBe(3);
  });

  test("counts nothing any more once all streams have ended, however they end", async () => {
    const { bus, context, get } = setUp();
    const stream = readTestStream(await get("ada"));
    await get("ada");
    await get("bob");
    await stream.cancel();
    expect(context.connections.perIdentity).toEqual(
      new Map([
        ["ada", 1],
        ["bob", 1],
      ]),
    );
    await bus.close();
    expect(context.connections.perIdentity.size).toBe(0);
  });

  test("must be a count", () => {
    expect(() => setUp({ maxConnectionsPerIdentity: 0 })).toThrow("maxConnectionsPerIdentity");
  });
});

describe("a renewal", () => {
  async function renew(identities: readonly (string | undefined)[]) {
    vi.useFakeTimers({ toFake: ["Date"] });
    const passes = (ms: number): void => void vi.setSystemTime(Date.now() + ms);
    let asked = 0;
    const { bus, get } = setUp({
      heartbeatMs: 60_000,
      authorize() {
        const id = identities[asked++];
        const expiresAt = Date.now() + 1000;
        return id === undefined ? { expiresAt } : { expiresAt, identity: { id } };
      },
    });
    const stream = readTestStream(await get());
    await stream.next();
    passes(1000);
    const next = stream.next();
    await bus.publish("after");
    return next;
  }

  test.each([[["ada", "ada"]], [[undefined, undefined]]])(
    "by the same client (%j) lets the stream continue",
    async (identities) => {
      expect(await renew(identities)).toMatchObject({ data: '"after"' });
    },
  );

  test.each([[["ada", "bob"]], [["ada", undefined]], [[undefined, "ada"]]])(
    "by another client (%j) ends the stream, which belongs to the first",
    async (identities) => {
      const bye = await renew(identities);
      expect(JSON.parse(bye?.data ?? "")).toMatchObject({ reason: "unauthorized" });
    },
  );
});
