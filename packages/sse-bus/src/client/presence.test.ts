import { describe, expect, onTestFinished, test, vi } from "vitest";

import { startStreamServer, type StreamServer } from "../../test/support/stream-server.ts";
import { startBrowser } from "../../test/support/tabs.ts";
import { waitForStatus } from "../testing/wait-for-status.ts";
import type { SseClientOptions } from "./client-types.ts";
import { createClient, createSseClient } from "./client.ts";
import { createPresence } from "./presence.ts";
import type { PresenceHandle } from "./presence-types.ts";

/** A machine that stalls for seconds looks like a network that holds streams back: then a stream is tried again soon. */
const FAST = { backoff: { baseMs: 5, maxMs: 20 }, probeMs: 300 };
const WAIT = { timeout: 5_000, interval: 2 };

const ann = { i: "i1", id: "ann", n: 1, info: { name: "Ann" }, at: 1 };
const bob = { i: "i2", id: "bob", n: 2, info: { name: "Bob" }, state: { typing: true }, at: 2 };
const cid = { i: "i1", id: "cid", n: 1, at: 3 };

describe("presence of a channel", () => {
  test("asks for the channel and its presence in one request, and shows the members once all are there", async () => {
    const { server, client, room } = await setUp();
    server.presence.set("rooms/1", [ann, bob, cid]);
    const one = room("rooms/1");
    const sizes: number[] = [];
    one.subscribe(() => {
      const { status, members } = one.getView();
      if (status === "open") sizes.push(members.length);
    });
    await isOpen(one);
    expect(server.requests.map(({ channels, presence }) => [channels, presence])).toEqual([
      [["rooms/1"], ["rooms/1"]],
    ]);
    expect(one.getView()).toEqual({
      status: "open",
      error: undefined,
      members: [
        { id: "ann", info: { name: "Ann" }, count: 1 },
        { id: "bob", info: { name: "Bob" }, state: { typing: true }, count: 2 },
        { id: "cid", count: 1 },
      ],
      self: undefined,
    });
    expect(sizes).toEqual([3]);
    expect(client.status).toBe("open");
  });

  test("follows members that join, change and leave, and keeps the objects of the others", async () => {
    const { server, room } = await setUp();
    server.presence.set("c", [ann]);
    const one = room("c");
    one.subscribe(() => {});
    await isOpen(one);
    const [before] = one.getView().members;
    presence(server, "c", { type: "join", ...bob });
    await members(one, ["ann", "bob"]);
    presence(server, "c", { type: "update", ...bob, state: { typing: false }, at: 5 });
    await vi.waitFor(
      () => expect(one.getView().members[1]?.state).toEqual({ typing: false }),
      WAIT,
    );
    expect(one.getView().members[0]).toBe(before);
    presence(server, "c", { type: "leave", i: "i2", id: "bob" });
    await members(one, ["ann"]);
    presence(server, "c", { type: "gone", i: "i1" });
    await members(one, []);
  });

  test("counts a member that two instances contribute once", async () => {
    const { server, room } = await setUp();
    server.presence.set("c", [ann, { ...ann, i: "i2", n: 2 }]);
    const one = room("c");
    one.subscribe(() => {});
    await isOpen(one);
    expect(one.getView().members).toEqual([{ id: "ann", info: { name: "Ann" }, count: 3 }]);
    presence(server, "c", { type: "leave", i: "i1", id: "ann" });
    await vi.waitFor(() => expect(one.getView().members[0]?.count).toBe(2), WAIT);
  });

  test("ignores events that the set contains, also where the stream repeats them", async () => {
    const { server, client, room } = await setUp();
    const cursor = server.head();
    presence(server, "c", { type: "join", ...bob });
    presence(server, "c", { type: "leave", i: "i2", id: "bob" });
    server.presence.set("c", [ann]);
    // Makes the stream start before the events.
    client.subscribe("c", () => {}, { cursor });
    const one = room("c");
    const seen: string[] = [];
    one.subscribe(() => seen.push(ids(one)));
    await isOpen(one);
    presence(server, "c", { type: "join", ...cid });
    await members(one, ["ann", "cid"]);
    expect(seen.filter((names) => names.includes("bob"))).toEqual([]);
  });

  test("is replaced by the set of a new stream after a loss, and shows the old one until then", async () => {
    const { server, room } = await setUp(FAST);
    server.presence.set("c", [ann, bob]);
    const one = room("c");
    const seen: string[] = [];
    one.subscribe(() => seen.push(`${one.getView().status} ${ids(one)}`));
    await isOpen(one);
    server.presence.set("c", [ann, cid]);
    seen.length = 0;
    server.publish("moves the head", { channel: "c" });
    server.streams[0]?.cut();
    await members(one, ["ann", "cid"]);
    expect(seen).toContain("reconnecting ann,bob");
    expect(seen.at(-1)).toBe("open ann,cid");
  });

  test("does not render again when a new stream brings the same members", async () => {
    const { server, client, room } = await setUp();
    server.presence.set("c", [ann, bob]);
    const one = room("c");
    one.subscribe(() => {});
    await isOpen(one);
    const view = one.getView();
    client.subscribe("other", () => {});
    await server.until((now) => now.requests.length === 2 && now.streams.length === 1);
    presence(server, "c", { type: "update", ...ann });
    await arrived(server, client);
    expect(one.getView()).toBe(view);
  });

  test("knows its stream and its own member also if events come before the set", async () => {
    const { server, client, room } = await setUp();
    const one = room("c");
    one.subscribe(() => {});
    await server.until(1);
    await waitForStatus(client, "open");
    presence(server, "c", { type: "join", ...bob });
    const hello = { cursor: server.head(), connection: "late", heartbeatMs: 15_000 };
    server.streams[0]?.write(
      `id: ${server.head()}\nevent: hello\ndata: ${JSON.stringify({ ...hello, identity: "ann" })}\n\n`,
    );
    presence(server, "c", { type: "join", ...cid });
    const set = { type: "members", channel: "c", at: server.head(), part: 1, of: 1 };
    server.streams[0]?.write(
      `event: presence\ndata: ${JSON.stringify({ ...set, members: [ann, bob, cid] })}\n\n`,
    );
    await members(one, ["bob", "cid", "ann"]);
    expect(one.getView().self?.id).toBe("ann");
  });

  // A cursor has the time of a message, or a later one if there was none for a while.
  test.each(["1", "zzzzzzzz"])(
    "applies a set at the position that it knows, if the cursor of the set has the time %s",
    async (time) => {
      const { server, room } = await setUp();
      server.presence.set("c", [bob]);
      const one = room("c");
      one.subscribe(() => {});
      await isOpen(one);
      presence(server, "c", { type: "join", ...cid });
      await members(one, ["bob", "cid"]);
      const [seq, , epoch] = server.head().split("-");
      const set = { type: "members", channel: "c", at: `${seq}-${time}-${epoch}`, part: 1, of: 1 };
      server.streams[0]?.write(
        `event: presence\ndata: ${JSON.stringify({ ...set, members: [ann, bob, cid] })}\n\n`,
      );
      await members(one, ["bob", "cid", "ann"]);
    },
  );

  test("has the member of the page as `self`", async () => {
    const { server, room } = await setUp();
    server.identity = "ann";
    server.presence.set("c", [ann, bob]);
    const one = room("c");
    one.subscribe(() => {});
    await isOpen(one);
    expect(one.getView().self).toBe(one.getView().members[0]);
  });

  test("is failed, and shows nobody, if the server refuses the channel", async () => {
    const { server, room } = await setUp({ ...FAST, onError: () => {} });
    server.presence.set("c", [ann]);
    const one = room("c");
    one.subscribe(() => {});
    await isOpen(one);
    server.streams[0]?.bye("revoked", 0);
    await vi.waitFor(() => expect(one.getView().status).toBe("failed"), WAIT);
    expect(one.getView().members).toEqual([]);
    expect(one.getView().error?.code).toBe("STREAM_REFUSED");
  });

  test("of an invalid channel is failed with INVALID_CHANNEL", async () => {
    const { room } = await setUp();
    for (const name of ["a b", "~presence/c", "a#1", ""]) {
      const one = room(name);
      const stop = one.subscribe(() => {});
      expect(one.getView()).toMatchObject({ status: "failed", error: { code: "INVALID_CHANNEL" } });
      stop();
    }
  });

  test("ignores data that no server of this package sends", async () => {
    const errors: string[] = [];
    const { server, client, room } = await setUp({ onError: ({ code }) => errors.push(code) });
    server.presence.set("c", [ann, { i: "I", id: 7 }, null as never, { ...bob, n: -1 }]);
    const one = room("c");
    one.subscribe(() => {});
    await isOpen(one);
    server.streams[0]?.write(`id: ${server.head()}@~presence/c\nevent: presence\ndata: {\n\n`);
    for (const data of [null, 7, [], {}, { type: "join" }, { type: "join", ...bob, n: "1" }]) {
      presence(server, "c", data);
    }
    await arrived(server, client);
    expect(ids(one)).toBe("ann");
    expect(client.status).toBe("open");
  });
});

describe("uses of one channel", () => {
  test("on a page share one request, and leave nothing open", async () => {
    const { server, client, room } = await setUp();
    server.presence.set("c", [ann]);
    const [one, two] = [room("c"), room("c")];
    const stops = [one.subscribe(() => {}), one.subscribe(() => {}), two.subscribe(() => {})];
    await isOpen(two);
    expect(one.getView()).toBe(two.getView());
    expect(server.requests).toHaveLength(1);
    for (const stop of [...stops, ...stops]) stop();
    await server.until(0);
    expect(client.status).toBe("idle");
    expect(one.getView()).toEqual({ status: "idle", members: [] });
  });

  test("that end and begin in one turn keep the stream, as StrictMode needs it", async () => {
    const { server, room } = await setUp();
    server.presence.set("c", [ann]);
    const one = room("c");
    one.subscribe(() => {})();
    const stop = one.subscribe(() => {});
    await isOpen(one);
    stop();
    one.subscribe(() => {});
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(server.requests).toHaveLength(1);
    expect(ids(one)).toBe("ann");
  });

  test("whose listeners throw do not affect each other", async () => {
    const errors: string[] = [];
    const { server, room } = await setUp({ onError: ({ code }) => errors.push(code) });
    server.presence.set("c", [ann]);
    const one = room("c");
    let calls = 0;
    one.subscribe(() => {
      throw new Error("mine");
    });
    one.subscribe(() => void calls++);
    await isOpen(one);
    expect(calls).toBeGreaterThan(0);
    expect(new Set(errors)).toEqual(new Set(["LISTENER_FAILED"]));
  });
});

describe("tabs", () => {
  test("get the members from a new stream of the leader, which replaces the old one without a break", async () => {
    const { server, tab } = await setUpTabs();
    server.presence.set("c", [ann]);
    const first = tab();
    const one = createPresence(first, "c");
    one.subscribe(() => {});
    await isOpen(one);
    const statuses: string[] = [];
    first.subscribeStatus(() => statuses.push(first.status));
    const second = createPresence(tab(), "c");
    second.subscribe(() => {});
    await isOpen(second);
    await server.until((now) => now.requests.length === 2 && now.streams.length === 1);
    expect(ids(second)).toBe("ann");
    expect(server.streams[0]?.presence).toEqual(["c"]);
    presence(server, "c", { type: "join", ...bob });
    await members(one, ["ann", "bob"]);
    await members(second, ["ann", "bob"]);
    expect(statuses).toEqual([]);
  });

  test("send states for the stream of the leader", async () => {
    const { server, tab } = await setUpTabs();
    server.presence.set("c", [ann]);
    const one = createPresence(tab(), "c");
    one.subscribe(() => {});
    await isOpen(one);
    const second = createPresence(tab(), "c");
    second.subscribe(() => {});
    await isOpen(second);
    second.setState({ typing: true });
    await server.until((now) => now.states.length === 1);
    expect(server.states[0]).toMatchObject({
      connection: "2",
      channel: "c",
      state: { typing: true },
    });
  });
});

describe("a state", () => {
  test("is sent with the connection of the stream, and the credentials of the client", async () => {
    const { server, room } = await setUp({ token: "t", headers: { "X-Tenant": "7" } });
    const one = room("c");
    one.subscribe(() => {});
    one.setState({ typing: true });
    await server.until((now) => now.states.length === 1);
    expect(server.states[0]).toMatchObject({
      connection: "1",
      channel: "c",
      state: { typing: true },
      headers: {
        authorization: "Bearer t",
        "x-tenant": "7",
        "content-type": "application/json",
      },
    });
  });

  test("is sent at most eight times a second, and of many the newest wins", async () => {
    const { server, room } = await setUp();
    const one = room("c");
    one.subscribe(() => {});
    await isOpen(one);
    const start = performance.now();
    for (let n = 0; n < 50; n++) one.setState(n);
    await server.until((now) => now.states.length === 2);
    expect(performance.now() - start).toBeGreaterThanOrEqual(120);
    expect(server.states.map(({ state }) => state)).toEqual([0, 49]);
  });

  test("waits as long as the server asks, and is sent again after a failure", async () => {
    const { server, room } = await setUp(FAST);
    server.stateAnswers.push(
      (response) => response.writeHead(429, { "Retry-After": "1" }).end(),
      (response) => response.destroy(),
    );
    const one = room("c");
    one.subscribe(() => {});
    await isOpen(one);
    const start = performance.now();
    one.setState("away");
    await server.until((now) => now.states.length === 3);
    expect(performance.now() - start).toBeGreaterThanOrEqual(999);
    expect(server.states.map(({ state }) => state)).toEqual(["away", "away", "away"]);
  });

  test("that is refused is reported, and not sent again", async () => {
    const errors: string[] = [];
    const { server, room } = await setUp({
      onError: ({ code, message }) => errors.push(`${code} ${message}`),
    });
    server.stateAnswers.push((response) =>
      response.writeHead(403).end(JSON.stringify({ detail: "Not yours." })),
    );
    const one = room("c");
    one.subscribe(() => {});
    await isOpen(one);
    one.setState(1);
    await vi.waitFor(() => expect(errors).toHaveLength(1), WAIT);
    expect(errors[0]).toContain("STATE_REFUSED");
    expect(errors[0]).toContain("Not yours.");
    one.setState(2);
    await server.until((now) => now.states.length === 2);
    expect(server.states.map(({ state }) => state)).toEqual([1, 2]);
  });

  test("is sent again to a new stream", async () => {
    const { server, room } = await setUp(FAST);
    server.identity = "ann";
    server.presence.set("c", [ann]);
    const one = room("c");
    one.subscribe(() => {});
    await isOpen(one);
    one.setState("here");
    await server.until((now) => now.states.length === 1);
    server.streams[0]?.cut();
    await server.until((now) => now.states.length === 2);
    expect(server.states.map(({ connection, state }) => [connection, state])).toEqual([
      ["1", "here"],
      ["2", "here"],
    ]);
  });

  test("that another tab or device has replaced is not sent again", async () => {
    const { server, client, room } = await setUp(FAST);
    server.identity = "ann";
    server.presence.set("c", [ann]);
    const one = room("c");
    one.subscribe(() => {});
    await isOpen(one);
    one.setState("mine");
    await server.until((now) => now.states.length === 1);
    presence(server, "c", { type: "update", ...ann, state: "mine", at: 5 });
    presence(server, "c", { type: "update", ...ann, state: "theirs", at: 6 });
    await vi.waitFor(() => expect(one.getView().self?.state).toBe("theirs"), WAIT);
    server.presence.set("c", [{ ...ann, state: "theirs", at: 6 }]);
    server.streams[0]?.cut();
    await waitForStatus(client, "reconnecting");
    await isOpen(one);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(server.states).toHaveLength(1);
  });

  test.each([
    ["a function", () => {}, "INVALID_DATA"],
    ["a bigint", 1n, "INVALID_DATA"],
    ["more than 1 KiB", "ü".repeat(600), "MESSAGE_TOO_LARGE"],
  ])("that is %s throws", async (_, state, code) => {
    const { room } = await setUp();
    const one = room("c");
    expect(() => one.setState(state)).toThrow(expect.objectContaining({ code }));
  });

  test("is not sent after the last use has ended", async () => {
    const { server, room } = await setUp();
    const one = room("c");
    const stop = one.subscribe(() => {});
    await isOpen(one);
    one.setState(1);
    one.setState(2);
    stop();
    one.setState(3);
    await server.until(0);
    expect(server.states.length).toBeLessThanOrEqual(1);
  });
});

async function setUp(options: SseClientOptions = {}) {
  const server = await startStreamServer();
  const client = createSseClient({ url: server.url, ...options });
  onTestFinished(async () => {
    client.close();
    await server[Symbol.asyncDispose]();
  });
  return {
    server,
    client,
    room: (channel: string) => createPresence<unknown, unknown>(client, channel),
  };
}

async function setUpTabs() {
  const server = await startStreamServer();
  const browser = startBrowser();
  const clients: { close(): void }[] = [];
  onTestFinished(async () => {
    for (const client of clients) client.close();
    await server[Symbol.asyncDispose]();
  });
  const tab = () => {
    const client = createClient({ url: server.url, ...FAST }, browser.openTab().host);
    clients.push(client);
    return client;
  };
  return { server, tab };
}

/** An instance publishes a presence event. */
function presence(server: StreamServer, channel: string, data: unknown): void {
  server.publish(data, { channel: `~presence/${channel}`, event: "presence" });
}

function ids({ getView }: PresenceHandle): string {
  return getView()
    .members.map(({ id }) => id)
    .join();
}

async function isOpen({ getView }: PresenceHandle): Promise<void> {
  await vi.waitFor(() => expect(getView().status).toBe("open"), WAIT);
}

async function members(one: PresenceHandle, expected: readonly string[]): Promise<void> {
  await vi.waitFor(() => expect(ids(one)).toBe(expected.join()), WAIT);
}

/** Resolves when the page has what the server has sent until now. */
async function arrived(
  server: StreamServer,
  client: ReturnType<typeof createSseClient>,
): Promise<void> {
  const channel = server.streams[0]?.channels[0] ?? "default";
  await new Promise<void>((resolve) => {
    client.subscribe(channel, () => resolve(), {
      event: "marker",
      onStatus: ({ status }) =>
        status === "open" && server.publish(0, { channel, event: "marker" }),
    });
  });
}
