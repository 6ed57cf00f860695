import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { readTestStream, type TestStream } from "../../test/support/event-stream.ts";
import { startHost } from "../../test/support/next-like-host.ts";
import { createPresenceView } from "../../test/support/presence-view.ts";
import { readPage } from "../../test/support/read-page.ts";
import { createSharedLog } from "../../test/support/shared-log.ts";
import type { Backend } from "../core/backend.ts";
import { createBus, internalsOf } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { instancesOf } from "../core/instances/instances.ts";
import { createHub } from "../hub/create-hub.ts";
import { proveFastPaths } from "../node/undocumented/prove-fast-paths.ts";
import type { Authorize } from "./authorize.ts";
import { routeContext } from "./route-context.ts";
import { createStreamHandler } from "./stream-handler.ts";
import type { StreamOptions } from "./stream-options.ts";

beforeAll(async () => {
  await proveFastPaths(["direct-sink", "host-release", "fast-lane"], (error) =>
    expect.fail(error.message),
  );
});

const closing: (() => Promise<unknown>)[] = [];
const errors: Error[] = [];
afterEach(async () => {
  const [error] = errors.splice(0);
  for (const close of closing.splice(0).toReversed()) await close();
  if (error) throw error;
});

/** The user is in the query, so that every host can be asked in the same way. */
const byQuery: Authorize = ({ request, channels }) => {
  const { searchParams } = new URL(request.url, "http://x");
  const user = searchParams.get("user");
  if (channels.includes("forbidden")) return false;
  return user === null || { identity: { id: user, info: { name: user.toUpperCase() } } };
};

const OPTIONS: StreamOptions = {
  authorize: byQuery,
  heartbeatMs: 60_000,
  presence: { graceMs: 50 },
};

type Get = (query: string, headers?: Record<string, string>) => Promise<Response>;

const JSON_TYPE = { Accept: "application/json" };

const hosts: Record<string, (bus: Bus, options: StreamOptions) => Promise<Get>> = {
  "a web stream": async (bus, options) => {
    const host = { socketIp: () => undefined, trustedProxies: 0 };
    const handle = createStreamHandler(routeContext(bus), options, host);
    return async (query, headers = {}) =>
      handle(new Request(`http://localhost/api/sse?${query}`, { headers }));
  },
  "the direct sink": async (bus, stream) => {
    const host = await startHost(bus, { stream });
    closing.push(async () => host[Symbol.asyncDispose]());
    return async (query, headers = {}) =>
      fetch(`http://127.0.0.1:${host.port}/?${query}`, { headers });
  },
  "the hub": async (bus, options) => {
    const hub = createHub({ bus, ...options });
    closing.push(hub.close);
    const url = await hub.listen(0);
    return async (query, headers = {}) => fetch(`${url}/sse?${query}`, { headers });
  },
};

const ANN = { connection: "c1", identity: { id: "ann" }, graceMs: 50 };

function createTestBus(backend?: Backend): Bus {
  const onError = (error: Error): void => void errors.push(error);
  const bus = createBus(backend ? { backend, onError } : { onError });
  closing.push(bus.close);
  return bus;
}

interface Hello {
  readonly connection: string;
  readonly channels: readonly string[];
  readonly presence?: readonly string[];
  readonly identity?: string;
  readonly resumed: boolean;
}

/** A client: reads its stream all the time. */
async function connect(get: Get, query: string, channel = "room") {
  const stream = readTestStream(await get(query));
  const view = createPresenceView(channel);
  const events: {
    readonly event: string;
    readonly id: string | undefined;
    readonly data: string;
  }[] = [];
  const first = await stream.next();
  expect(first?.event).toBe("hello");
  const ended = readAll(stream, ({ event = "message", id, data }) => {
    events.push({ event, id, data });
    view.take({ event, id, data });
  });
  closing.push(async () => {
    await stream.cancel().catch(() => {});
    await ended;
  });
  return {
    view,
    events,
    ended,
    hello: JSON.parse(first?.data ?? "") as Hello,
    close: async () => stream.cancel(),
  };
}

/** A client that polls, from one page to the next. */
function poll(get: Get, query: string) {
  const view = createPresenceView("room");
  const messages: unknown[] = [];
  let polls = 0;
  let isOver = false;
  async function run(): Promise<void> {
    let cursor = "";
    while (!isOver) {
      const { events } = await readPage(await get(`${query}&from=${cursor}`));
      polls++;
      for (const event of events) {
        view.take(event);
        if (event.event === undefined) messages.push(JSON.parse(event.data));
      }
      cursor = events.at(-1)?.id ?? "";
    }
  }
  const ended = run();
  closing.push(async () => {
    isOver = true;
    await ended;
  });
  return { view, messages: () => messages, polls: () => polls };
}

async function readAll(
  stream: TestStream,
  take: (event: { event?: string | undefined; id?: string | undefined; data: string }) => void,
): Promise<void> {
  for (;;) {
    const event = await stream.next().catch(() => undefined);
    if (!event) return;
    take(event);
  }
}

describe.each(Object.entries(hosts))("presence over %s", (_, start) => {
  test("a stream gets the members after hello, then each that joins, changes and leaves", async () => {
    const bus = createTestBus();
    const get = await start(bus, OPTIONS);
    const ann = await connect(get, "channel=room&presence=room&user=ann");
    expect(ann.hello).toMatchObject({ channels: ["room"], presence: ["room"], identity: "ann" });
    await expect.poll(ann.view.ids).toBe("ann");
    const bob = await connect(get, "channel=room&presence=room&user=bob");
    await expect.poll(ann.view.ids).toBe("ann,bob");
    await expect.poll(bob.view.ids).toBe("ann,bob");
    expect(bob.view.members()?.[0]).toEqual({ id: "ann", info: { name: "ANN" }, count: 1 });
    await bob.close();
    await expect.poll(ann.view.ids).toBe("ann");
    expect(ann.view.left).toEqual(["bob"]);
  });

  test("a client that polls gets the members, and is one; a page that does not wait makes nobody one", async () => {
    const bus = createTestBus();
    const get = await start(bus, { ...OPTIONS, presence: { graceMs: 1000 } });
    const page = await readPage(await get("channel=room&wait=0&user=carl"));
    expect(page.events.map(({ event }) => event)).toEqual(["hello", "bye"]);
    const ann = poll(get, "channel=room&presence=room&user=ann&wait=1");
    await expect.poll(ann.view.ids).toBe("ann");
    const bob = await connect(get, "channel=room&presence=room&user=bob");
    await expect.poll(ann.view.ids).toBe("ann,bob");
    await bus.publish("hello", { channel: "room" });
    await expect.poll(ann.messages).toEqual(["hello"]);
    await expect.poll(bob.view.ids).toBe("ann,bob");
    const before = ann.polls();
    await expect.poll(ann.polls).toBeGreaterThan(before + 1);
    expect(bob.view.left).toEqual([]);
    // Its own polls, which begin and end, are no news for it.
    expect(ann.polls()).toBeLessThan(20);
  });

  test("every page has the members, also the first one, and one that has messages already", async () => {
    const bus = createTestBus();
    const get = await start(bus, OPTIONS);
    await bus.publish("hello", { channel: "other" });
    for (const query of [
      "channel=room&presence=room",
      "channel=other&presence=other&from=earliest",
    ]) {
      const { events } = await readPage(await get(`${query}&wait=0&user=ann`));
      expect(events[1]).toMatchObject({
        event: "presence",
        data: expect.stringContaining('"type":"members"'),
      });
    }
  });

  test("presence of a page is refused as JSON", async () => {
    const get = await start(createTestBus(), OPTIONS);
    const response = await get("channel=room&presence=room&wait=0&user=ann", JSON_TYPE);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "INVALID_PAGE" });
  });

  test("messages and presence come in one order, and ids only grow", async () => {
    const bus = createTestBus();
    const get = await start(bus, OPTIONS);
    const ann = await connect(get, "channel=room&presence=room&user=ann");
    for (let turn = 0; turn < 5; turn++) {
      await bus.publish(turn, { channel: "room" });
      await connect(get, `channel=room&user=guest${turn}`);
    }
    await expect.poll(() => ann.view.members()?.length).toBe(6);
    expect(ann.events.filter(({ event }) => event === "message")).toHaveLength(5);
    const seqs = ann.events
      .filter(({ id }) => id !== undefined && id !== "")
      .map(({ id }) => Number.parseInt(id?.split("-")[0] ?? "", 36));
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
  });

  test("a large set comes in several frames, each below 64 KiB, before the messages", async () => {
    const bus = createTestBus();
    const get = await start(bus, { ...OPTIONS, maxConnectionsPerClient: 10_000 });
    await connect(get, "channel=room&presence=room&user=ann");
    const { local } = await presence(bus);
    for (let member = 0; member < 1500; member++) {
      const identity = { id: `member-${member}`, info: { name: "ü".repeat(100) } };
      local.open({ connection: `c${member}`, identity, channels: ["room"], graceMs: 50 });
    }
    await expect.poll(async () => bus.presence("room").count()).toBe(1501);
    const late = await connect(get, "channel=room&presence=room&user=late");
    await bus.publish("after", { channel: "room" });
    await expect.poll(() => late.events.some(({ event }) => event === "message")).toBe(true);
    expect(late.view.members()?.length).toBeGreaterThanOrEqual(1501);
    const sets = late.events.filter(({ data }) => data.startsWith('{"type":"members"'));
    expect(sets.length).toBeGreaterThan(4);
    for (const { data } of sets) {
      expect(new TextEncoder().encode(data).length).toBeLessThan(65_536);
    }
    const kinds = late.events.map(({ event }) => event);
    expect(kinds.indexOf("message")).toBeGreaterThan(kinds.lastIndexOf("members"));
  });

  test("among a thousand members, a join costs every reader one small frame", async () => {
    const bus = createTestBus();
    const get = await start(bus, OPTIONS);
    // From now on the process follows the channel, and counts what the log has.
    expect(await bus.presence("room").count()).toBe(0);
    const { local } = await presence(bus);
    for (let member = 0; member < 1000; member++) {
      const identity = { id: `member-${member}` };
      local.open({ connection: `c${member}`, identity, channels: ["room"], graceMs: 50 });
    }
    await expect.poll(async () => bus.presence("room").count()).toBe(1000);
    const readers = await Promise.all(
      Array.from({ length: 5 }, async () => connect(get, "channel=room&presence=room")),
    );
    for (const { view } of readers) await expect.poll(() => view.members()?.length).toBe(1000);
    const before = readers.map(({ events }) => events.length);
    await connect(get, "channel=room&user=ann");
    for (const { view } of readers) await expect.poll(() => view.members()?.length).toBe(1001);
    await bus.publish("mark", { channel: "room" });
    for (const [index, { events, view }] of readers.entries()) {
      await expect.poll(() => events.at(-1)?.event).toBe("message");
      expect(events.length - (before[index] as number)).toBe(2);
      expect(view.sizes.at(-1)).toBeLessThan(150);
    }
  });

  test("a stream that did not ask gets nothing of it, and its client is a member all the same", async () => {
    const bus = createTestBus();
    const get = await start(bus, OPTIONS);
    const quiet = await connect(get, "channel=room&user=ann");
    expect(quiet.hello.presence).toEqual([]);
    await expect
      .poll(async () => (await bus.presence("room").list()).map(({ id }) => id))
      .toEqual(["ann"]);
    await bus.publish("only this", { channel: "room" });
    await expect.poll(() => quiet.events.map(({ data }) => data)).toEqual(['"only this"']);
  });

  test("a resumed stream gets the set again, and no gap for presence that it has missed", async () => {
    const bus = createTestBus();
    const get = await start(bus, OPTIONS);
    const ann = await connect(get, "channel=room&presence=room&user=ann");
    await bus.publish("one", { channel: "room" });
    await expect.poll(() => ann.events.some(({ event }) => event === "message")).toBe(true);
    const cursor = ann.events.findLast(({ event }) => event === "message")?.id ?? "";
    await ann.close();
    await connect(get, "channel=room&user=bob");
    await bus.publish("two", { channel: "room" });
    const from = encodeURIComponent(cursor);
    const again = await connect(get, `channel=room&presence=room&user=ann&from=${from}`);
    expect(again.hello.resumed).toBe(true);
    await expect.poll(again.view.ids).toBe("ann,bob");
    await expect
      .poll(() => again.events.filter(({ event }) => event === "message").map(({ data }) => data))
      .toEqual(['"two"']);
    expect(again.events.filter(({ event }) => event === "gap")).toEqual([]);
  });

  test("a stream may follow presence of a channel whose messages it does not want", async () => {
    const bus = createTestBus();
    const get = await start(bus, OPTIONS);
    await connect(get, "channel=room&user=ann");
    const watcher = await connect(get, "presence=room&user=admin");
    expect(watcher.hello).toMatchObject({ channels: [], presence: ["room"] });
    await expect.poll(watcher.view.ids).toBe("ann");
    await bus.publish("hidden", { channel: "room" });
    await connect(get, "channel=room&user=bob");
    await expect.poll(watcher.view.ids).toBe("ann,bob");
    expect(watcher.events.filter(({ event }) => event === "message")).toEqual([]);
    expect(await bus.disconnect({ identity: "admin", channel: "room" })).toBe(1);
  });

  test("what an instance contributes that answers late reaches streams that have an incomplete set", async () => {
    const log = createSharedLog();
    const far = log.connect();
    const [bus, other] = [createTestBus(log.connect().backend), createTestBus(far.backend)];
    const get = await start(bus, OPTIONS);
    // The other instance is known, and cannot answer: paused for less than its lease, or busy.
    await connect(get, "channel=elsewhere&presence=elsewhere&user=zoe", "elsewhere");
    const { local, open } = await presence(other);
    await open();
    local.open({ ...ANN, channels: ["room"] });
    const { live } = instancesOf(internalsOf(bus));
    await expect.poll(() => [...live().keys()].length).toBe(2);
    far.cut();
    const watcher = await connect(get, "channel=room&presence=room&user=bob");
    await expect.poll(watcher.view.ids, { timeout: 5000 }).toBe("bob");
    await connect(get, "channel=room&user=cem");
    await expect.poll(watcher.view.ids).toBe("bob,cem");
    far.connect();
    await expect.poll(watcher.view.ids, { timeout: 5000 }).toBe("ann,bob,cem");
    // A client ignores a set that is not newer than what it knows.
    const sets = watcher.events.filter(({ data }) => data.startsWith('{"type":"members"'));
    const { at } = JSON.parse(sets.at(-1)?.data ?? "") as { at: string };
    const before = watcher.events.slice(0, watcher.events.indexOf(sets.at(-1) as never));
    const newest = before.findLast(({ id }) => id)?.id ?? "";
    expect(Number.parseInt(at, 36)).toBeGreaterThan(Number.parseInt(newest, 36));
  });

  test("a reload within the grace is silent", async () => {
    const bus = createTestBus();
    const get = await start(bus, { ...OPTIONS, presence: { graceMs: 10_000 } });
    const watcher = await connect(get, "channel=room&presence=room");
    let tab = await connect(get, "channel=room&user=ann");
    await expect.poll(watcher.view.ids).toBe("ann");
    const before = watcher.view.sizes.length;
    for (let reload = 0; reload < 3; reload++) {
      await tab.close();
      await expect.poll(() => bus.stats().connections).toBe(1);
      tab = await connect(get, "channel=room&user=ann");
    }
    await bus.publish("mark", { channel: "room" });
    await expect.poll(() => watcher.events.at(-1)?.event).toBe("message");
    expect(watcher.view.sizes.length).toBe(before);
  });

  test.each([
    ["presence=forbidden&channel=room&user=ann", 403, "FORBIDDEN", ["~presence/forbidden"]],
    [
      "presence=forbidden&channel=forbidden&channel=room",
      403,
      "FORBIDDEN",
      ["forbidden", "~presence/forbidden"],
    ],
    ["presence=off/1&presence=room&user=ann", 403, "PRESENCE_OFF", ["~presence/off/1"]],
    ["presence=room/*&user=ann", 400, "INVALID_CHANNEL", ["~presence/room/*"]],
    ["presence=~presence/room&user=ann", 400, "INVALID_CHANNEL", ["~presence/~presence/room"]],
    ["channel=~presence/room&user=ann", 400, "INVALID_CHANNEL", ["~presence/room"]],
  ])("%s is refused with %i %s", async (query, status, code, channels) => {
    const bus = createTestBus();
    const get = await start(bus, {
      ...OPTIONS,
      presence: { graceMs: 50, channels: ["room", "forbidden"] },
    });
    const response = await get(query);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ code, channels });
  });

  test("a route without presence refuses to deliver it, and makes nobody a member", async () => {
    const bus = createTestBus();
    const get = await start(bus, { authorize: byQuery });
    const response = await get("channel=room&presence=room&user=ann");
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: "PRESENCE_OFF" });
    const plain = await connect(get, "channel=room&user=ann");
    expect(plain.hello).not.toHaveProperty("presence");
    expect(internalsOf(bus).attachments.has("presence")).toBe(false);
  });

  test("clients without an identity, and streams of a pattern, are no members", async () => {
    const bus = createTestBus();
    const get = await start(bus, OPTIONS);
    await connect(get, "channel=room");
    await connect(get, "channel=*&user=ann");
    const watcher = await connect(get, "channel=room&presence=room&user=bob");
    await expect.poll(watcher.view.ids).toBe("bob");
  });
});

async function presence(bus: Bus) {
  const { presenceOf } = await import("../core/presence/presence.ts");
  return presenceOf(internalsOf(bus));
}
