import { afterEach, expect, test, vi } from "vitest";
import type { Backend, Feed, NewMessage } from "../backend.ts";
import { createBus, internalsOf } from "../bus.ts";
import type { Bus } from "../bus-types.ts";
import { instancesOf } from "../instances/instances.ts";
import { memoryBackend } from "../memory-backend.ts";
import { publishReserved } from "../reserved.ts";
import { presenceChannel } from "./contribution.ts";
import type { PresenceChange } from "./presence-types.ts";
import { presenceOf } from "./presence.ts";

const LEASE_MS = 300;
const GRACE_MS = 60;

const open: Bus[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map(async (bus) => bus.close()));
});

/** A bus as one instance of an application has it. */
function createInstance(backend: Backend, leaseMs = LEASE_MS) {
  const errors: Error[] = [];
  const bus = createBus({ backend, onError: (error) => errors.push(error) });
  open.push(bus);
  const internals = internalsOf(bus);
  internals.attachments.set("leaseMs", leaseMs);
  const presence = presenceOf(internals);
  presence.noteGrace(GRACE_MS);
  let streams = 0;

  return {
    bus,
    errors,
    presence,
    /** Opens a stream of a client, and returns its connection. */
    async join(id: string, options: { channel?: string; graceMs?: number; info?: unknown } = {}) {
      const { channel = "room", graceMs = GRACE_MS, info } = options;
      await presence.open();
      const connection = `${id}-${++streams}`;
      const identity = { id, ...(info !== undefined && { info }) };
      presence.local.open({ connection, identity, channels: [channel], graceMs });
      return connection;
    },
    leave: (connection: string) => presence.local.close(connection),
    ids: async (channel = "room") =>
      (await bus.presence(channel).list()).map(({ id }) => id).toSorted(),
    /** Subscribes, and resolves with the list of changes once the present set is in it. */
    async changes() {
      const changes: PresenceChange[] = [];
      await new Promise<void>((resolve) => {
        bus.presence("room").subscribe((change) => {
          changes.push(change);
          resolve();
        });
      });
      return changes;
    },
  };
}

/** Counts what is published on a channel. */
function countPublishes(backend: Backend) {
  const published: NewMessage[] = [];
  const counting: Backend = {
    ...backend,
    publish: async (message) => {
      published.push(message);
      return backend.publish(message);
    },
  };
  return { counting, on: (name: string) => published.filter(({ channel }) => channel === name) };
}

const types = (changes: readonly PresenceChange[]): string[] =>
  changes.map((change) =>
    change.type === "members"
      ? `members ${change.members
          .map(({ id }) => id)
          .toSorted()
          .join()}`
      : `${change.type} ${change.member.id}`,
  );

test("all instances list the members of all instances", async () => {
  const backend = memoryBackend();
  const [a, b] = [createInstance(backend), createInstance(backend)];
  await a.join("ann", { info: { name: "Ann" } });
  await b.join("bob");
  await expect.poll(a.ids).toEqual(["ann", "bob"]);
  await expect.poll(b.ids).toEqual(["ann", "bob"]);
  const ann = (await b.bus.presence("room").list()).find(({ id }) => id === "ann");
  expect(ann).toEqual({ id: "ann", info: { name: "Ann" }, count: 1 });
  expect(await b.bus.presence("room").count()).toBe(2);
});

test("an instance that begins to follow a channel learns who joined before, however long ago", async () => {
  const backend = memoryBackend();
  const [a, b] = [createInstance(backend), createInstance(backend)];
  for (const id of ["ann", "bob", "cem"]) await a.join(id);
  await expect.poll(a.ids).toHaveLength(3);
  expect(await b.ids()).toEqual(["ann", "bob", "cem"]);
  const late = createInstance(backend);
  expect(await late.ids()).toEqual(["ann", "bob", "cem"]);
});

test("tabs, devices and instances of one identity are one member with a count", async () => {
  const backend = memoryBackend();
  const [a, b] = [createInstance(backend), createInstance(backend)];
  const changes = await a.changes();
  const first = await a.join("ann");
  await a.join("ann");
  await b.join("ann");
  const count = async () => (await a.bus.presence("room").list())[0]?.count;
  await expect.poll(count).toBe(3);
  a.leave(first);
  await expect.poll(count).toBe(2);
  expect(types(changes).filter((type) => !type.startsWith("update"))).toEqual([
    "members ",
    "join ann",
  ]);
});

test("a stream that reconnects within the grace publishes nothing", async () => {
  const { counting, on } = countPublishes(memoryBackend());
  const a = createInstance(counting);
  const changes = await a.changes();
  const first = await a.join("ann", { graceMs: 10_000 });
  await expect.poll(() => types(changes)).toEqual(["members ", "join ann"]);
  for (let reload = 0, connection = first; reload < 5; reload++) {
    a.leave(connection);
    connection = await a.join("ann", { graceMs: 10_000 });
  }
  expect(await a.ids()).toEqual(["ann"]);
  expect(on(presenceChannel("room"))).toHaveLength(1);
});

test("a member leaves when its last stream has been closed for the grace, on every instance", async () => {
  const backend = memoryBackend();
  const [a, b] = [createInstance(backend), createInstance(backend)];
  const changes = await b.changes();
  const connection = await a.join("ann");
  await expect.poll(() => types(changes)).toEqual(["members ", "join ann"]);
  const leftAt = performance.now();
  a.leave(connection);
  a.leave(connection);
  await expect.poll(() => types(changes).at(-1)).toBe("leave ann");
  expect(performance.now() - leftAt).toBeGreaterThanOrEqual(GRACE_MS - 5);
  expect(await b.ids()).toEqual([]);
});

test("the state that a client sets is seen by all, and ends with its stream", async () => {
  const backend = memoryBackend();
  const [a, b] = [createInstance(backend), createInstance(backend)];
  const laptop = await a.join("ann");
  const phone = await b.join("ann");
  const state = async () => (await b.bus.presence("room").list())[0]?.state;
  expect(await a.presence.states.set(laptop, "room", { typing: true })).toBe("set");
  await expect.poll(state).toEqual({ typing: true });
  // States of the same millisecond are ordered by instance.
  const setAt = Date.now();
  await expect.poll(() => Date.now(), { interval: 1 }).toBeGreaterThan(setAt);
  await b.presence.states.set(phone, "room", "away");
  await expect.poll(state).toBe("away");
  b.leave(phone);
  await expect.poll(state).toEqual({ typing: true });
  await a.presence.states.set(laptop, "room", undefined);
  await expect.poll(state).toBeUndefined();
});

test("a state is passed on to the instance that has the stream", async () => {
  const backend = memoryBackend();
  const [a, b] = [createInstance(backend), createInstance(backend)];
  const connection = await a.join("ann");
  await b.join("bob");
  await expect.poll(b.ids).toEqual(["ann", "bob"]);
  expect(await b.presence.states.set(connection, "room", 7)).toBe("sent");
  await expect
    .poll(async () => (await b.bus.presence("room").list()).find(({ id }) => id === "ann")?.state)
    .toBe(7);
});

test("a state of an unknown stream, and of a channel where it is no member, is not set", async () => {
  const a = createInstance(memoryBackend());
  const connection = await a.join("ann");
  expect(await a.presence.states.set("nobody", "room", 1)).toBe("unknown-connection");
  expect(await a.presence.states.set(connection, "elsewhere", 1)).toBe("not-a-member");
});

test("the members of an instance that dies leave within three leases, once for everybody", async () => {
  const { counting, on } = countPublishes(memoryBackend());
  const [a, b, c] = [createInstance(counting), createInstance(counting), dyingInstance(counting)];
  const changes = [await a.changes(), await b.changes()];
  await a.join("ann");
  await c.instance.join("cem");
  await c.instance.join("ann");
  for (const each of changes) await expect.poll(() => types(each)).toContain("join cem");
  const diedAt = performance.now();
  c.die();
  for (const each of changes) {
    await expect.poll(() => types(each), { interval: 10 }).toContain("leave cem");
  }
  expect(performance.now() - diedAt).toBeLessThan(3 * LEASE_MS);
  expect(types(changes[0] ?? [])).not.toContain("leave ann");
  expect(await a.ids()).toEqual(["ann"]);
  expect(await b.ids()).toEqual(["ann"]);
  const gone = on(presenceChannel("room")).filter(({ json }) => json.includes('"gone"'));
  expect(new Set(gone.map(({ id }) => id)).size).toBe(1);
});

test("the members of an instance that shuts down stay for the grace, and do not leave if they reconnect", async () => {
  const backend = memoryBackend();
  const [a, b] = [createInstance(backend), createInstance(backend)];
  const changes = await a.changes();
  await b.join("ann");
  await b.join("bob");
  await expect.poll(a.ids).toEqual(["ann", "bob"]);
  await b.bus.close();
  await a.join("ann");
  await expect.poll(a.ids).toEqual(["ann"]);
  expect(types(changes)).toContain("leave bob");
  expect(types(changes)).not.toContain("leave ann");
});

test("a burst of joins costs one publish per member, and no heartbeat per member follows", async () => {
  const { counting, on } = countPublishes(memoryBackend());
  const [a, b] = [createInstance(counting, 3000), createInstance(counting, 3000)];
  const changes = await b.changes();
  for (let member = 0; member < 1000; member++) await a.join(`m${member}`);
  await expect.poll(() => changes).toHaveLength(1001);
  expect(on(presenceChannel("room"))).toHaveLength(1000);
  const leases = (): number => on("~control").filter(({ event }) => event === "instance").length;
  const before = leases();
  await expect.poll(leases).toBeGreaterThan(before + 2);
  expect(on(presenceChannel("room"))).toHaveLength(1000);
});

test("what could not be published during an outage is published after it, as it is then", async () => {
  const backend = memoryBackend();
  let isDown = false;
  const failing: Backend = {
    ...backend,
    publish: async (message) => {
      if (isDown && message.channel.startsWith("~presence/"))
        throw new Error("the backend is down");
      return backend.publish(message);
    },
  };
  const [a, b] = [createInstance(failing), createInstance(backend)];
  const first = await a.join("ann");
  await expect.poll(b.ids).toEqual(["ann"]);
  isDown = true;
  a.leave(first);
  await a.join("bob");
  await a.join("cem");
  await expect.poll(() => a.errors.map(({ message }) => message)).toEqual(["the backend is down"]);
  isDown = false;
  await expect.poll(b.ids).toEqual(["bob", "cem"]);
});

test("a listener that throws is reported, and the others continue", async () => {
  const a = createInstance(memoryBackend());
  a.bus.presence("room").subscribe(() => {
    throw new Error("mine");
  });
  const changes = await a.changes();
  await a.join("ann");
  await expect.poll(() => types(changes)).toEqual(["members ", "join ann"]);
  expect(a.errors[0]).toMatchObject({ code: "LISTENER_FAILED" });
});

test("a subscription to presence ends once, and the channel is followed no longer than for a while", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true });
  try {
    const a = createInstance(memoryBackend());
    const changes: PresenceChange[] = [];
    const stop = a.bus.presence("room").subscribe((change) => changes.push(change));
    await expect.poll(() => types(changes)).toEqual(["members "]);
    const topics = internalsOf(a.bus).engine.topics;
    expect(topics.has(presenceChannel("room"))).toBe(true);
    stop();
    stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(topics.has(presenceChannel("room"))).toBe(false);
    await a.join("ann");
    expect(changes).toHaveLength(1);
  } finally {
    vi.useRealTimers();
  }
});

test("presence is no channel of the application: not in its stats, and with a valid name only", async () => {
  const a = createInstance(memoryBackend());
  await a.join("ann");
  expect(await a.ids()).toEqual(["ann"]);
  expect(a.bus.stats()).toMatchObject({ channels: 0, listeners: 0, published: 0 });
  expect(() => a.bus.presence("room/*")).toThrow(/INVALID_CHANNEL|Patterns/);
  expect(() => a.bus.presence("~presence/room")).toThrow(/reserved/);
  await a.bus.close();
  await expect(a.bus.presence("room").list()).rejects.toMatchObject({ code: "BUS_CLOSED" });
});

/** An instance whose connection to the log can be cut, as `kill -9` does. */
function dyingInstance(backend: Backend) {
  let isDead = false;
  const cut: Backend = {
    ...backend,
    publish: async (message) => (isDead ? new Promise(() => {}) : backend.publish(message)),
    subscribe: async (topic, feed) =>
      backend.subscribe(topic, {
        message: (message) => void (isDead || feed.message(message)),
        lost: (seq) => void (isDead || feed.lost(seq)),
      }),
  };
  const instance = createInstance(cut);
  return { instance, die: () => (isDead = true) };
}

test("after a loss of events, an instance asks again, and tells its listeners the whole set", async () => {
  const backend = memoryBackend();
  const lossy = lossyBackend(backend);
  const [a, b] = [createInstance(backend), createInstance(lossy.backend)];
  const ann = await a.join("ann");
  const changes = await b.changes();
  await expect.poll(b.ids).toEqual(["ann"]);
  lossy.isLosing = true;
  a.leave(ann);
  await a.join("bob");
  await expect.poll(a.ids).toEqual(["bob"]);
  expect(types(changes).at(-1)).toMatch(/ann$/);
  lossy.isLosing = false;
  lossy.reportLoss();
  await expect.poll(b.ids).toEqual(["bob"]);
  expect(types(changes).at(-1)).toBe("members bob");
});

test("what an instance publishes after its end is taken back for those who do not know of the end", async () => {
  const { counting, on } = countPublishes(memoryBackend());
  const a = createInstance(counting);
  const internals = internalsOf(a.bus);
  const channel = presenceChannel("room");
  const changes = await a.changes();
  await publishReserved(internals, channel, "presence", { type: "gone", i: "zz" });
  const ghost = { type: "join", i: "zz", id: "ghost", n: 1, at: 1 };
  await publishReserved(internals, channel, "presence", ghost);
  await expect.poll(() => on(channel).at(-1)?.json).toBe('{"type":"gone","i":"zz"}');
  expect(on(channel)).toHaveLength(3);
  expect(types(changes)).toEqual(["members "]);
});

test.each([
  "text",
  null,
  [],
  { type: "join" },
  { type: "join", i: "A b", id: "ann", n: 1, at: 1 },
  { type: "join", i: "zz", id: "", n: 1, at: 1 },
  { type: "join", i: "zz", id: "x".repeat(201), n: 1, at: 1 },
  { type: "join", i: "zz", id: "ann", n: 0, at: 1 },
  { type: "join", i: "zz", id: "ann", n: 1.5, at: 1 },
  { type: "join", i: "zz", id: "ann", n: 1 },
  { type: "join", i: "zz", id: "ann", n: 1, at: 1, state: "x".repeat(7000) },
  { type: "leave", i: "zz", id: 7 },
  { type: "gone" },
  { type: "unknown", i: "zz", id: "ann", n: 1, at: 1 },
])("a message that no instance writes is ignored: %j", async (data) => {
  const a = createInstance(memoryBackend());
  const changes = await a.changes();
  const internals = internalsOf(a.bus);
  await publishReserved(internals, presenceChannel("room"), "presence", data);
  await publishReserved(internals, "~control", "presence-ask", data);
  await publishReserved(internals, "~control", "presence-state", data);
  await a.join("bob");
  await expect.poll(() => types(changes)).toEqual(["members ", "join bob"]);
  expect(a.errors).toEqual([]);
});

/** A backend whose presence messages can be lost on the way, as in an outage that is longer than the history. */
function lossyBackend(backend: Backend) {
  const feeds = new Set<Feed>();
  let newest = 0;
  const lossy = {
    isLosing: false,
    backend: {
      ...backend,
      async subscribe(topic: string, feed: Feed) {
        if (!topic.startsWith("~presence/")) return backend.subscribe(topic, feed);
        feeds.add(feed);
        return backend.subscribe(topic, {
          message(message) {
            newest = message.seq;
            if (!lossy.isLosing) feed.message(message);
          },
          lost: feed.lost,
        });
      },
    } satisfies Backend,
    reportLoss: () => feeds.forEach((feed) => feed.lost(newest)),
  };
  return lossy;
}

test("channels that are asked for once each do not stay followed without bound", async () => {
  const { bus } = createInstance(memoryBackend());
  await bus.presence("first").list();
  const follows = () => internalsOf(bus).ownSubscribers.size;
  const before = follows();
  for (let n = 0; n < 1200; n++) bus.presence(`room-${n}`).subscribe(() => {})();
  expect(follows() - before).toBeLessThan(1001);
  expect(await bus.presence("room-1199").list()).toEqual([]);
});

test("a state for an unknown stream is refused in time while the backend does not answer", async () => {
  const silent: Backend = { ...memoryBackend(), open: async () => new Promise(() => {}) };
  const { presence } = createInstance(silent);
  vi.useFakeTimers();
  try {
    const set = presence.states.set("unknown", "room", 1).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(5000);
    expect(await set).toMatchObject({ code: "BACKEND_UNAVAILABLE" });
  } finally {
    vi.useRealTimers();
  }
});

test("members of an instance that counts as gone by mistake are announced again", async () => {
  const backend = memoryBackend();
  const [a, b] = [createInstance(backend), createInstance(backend)];
  await b.join("ann");
  await expect.poll(a.ids).toEqual(["ann"]);
  await b.ids();
  const internals = internalsOf(b.bus);
  const { id } = instancesOf(internals);
  await publishReserved(internals, presenceChannel("room"), "presence", { type: "gone", i: id });
  await expect.poll(() => instancesOf(internals).id).not.toBe(id);
  await expect.poll(a.ids).toEqual(["ann"]);
  await expect.poll(b.ids).toEqual(["ann"]);
});

test("an instance whose lease was never seen gets the news that it counts as gone", async () => {
  const { counting, on } = countPublishes(memoryBackend());
  const a = createInstance(counting);
  await a.join("ann");
  await a.changes();
  const member = { type: "join", i: "unknown", id: "bob", n: 1, at: 1 };
  await publishReserved(internalsOf(a.bus), presenceChannel("room"), "presence", member);
  await expect.poll(a.ids).toEqual(["ann", "bob"]);
  await expect.poll(a.ids, { timeout: 5000 }).toEqual(["ann"]);
  const ends = on("~control").filter(({ event }) => event === "end");
  expect(ends.map(({ json }) => JSON.parse(json) as unknown)).toEqual([{ i: "unknown" }]);
});
