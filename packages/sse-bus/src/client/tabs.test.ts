import { describe, expect, onTestFinished, test, vi } from "vitest";

import { startStreamServer, type StreamServer } from "../../test/support/stream-server.ts";
import { startBrowser, type Tab } from "../../test/support/tabs.ts";
import { createTestBus } from "../testing/test-bus.ts";
import { waitForStatus } from "../testing/wait-for-status.ts";
import type { SseClient, SseClientOptions } from "./client-types.ts";
import { createClient } from "./client.ts";
import { tabGroupName } from "./credentials.ts";

/** A machine that stalls for seconds looks like a network that holds streams back: then a stream is tried again soon. */
const FAST = { backoff: { baseMs: 5, maxMs: 20 }, probeMs: 300 };
const WAIT = { timeout: 8_000, interval: 2 };

describe("tabs of one browser", () => {
  test("share one stream with the union of their channels, and each gets only its own", async () => {
    const { server, open } = await setUp();
    const tabs = ["a", "b", "c", "a"].map((channel) => open(channel));
    await allOpen(tabs);
    await server.until((now) => now.streams.length === 1 && now.streams[0]?.channels.length === 3);
    for (const channel of ["a", "b", "c"]) server.publish(channel, { channel });
    await Promise.all(tabs.map((tab) => tab.until(1)));
    expect(tabs.map(({ data }) => data)).toEqual([["a"], ["b"], ["c"], ["a"]]);
    expect(server.streams).toHaveLength(1);
  });

  test("that open at the same moment, twenty of them, end with one stream, and one alone needs one request", async () => {
    const { server, open } = await setUp();
    const first = open("a");
    await allOpen([first]);
    expect(server.requests).toHaveLength(1);
    const others = Array.from({ length: 19 }, () => open("a"));
    await allOpen(others);
    server.publish(1, { channel: "a" });
    await Promise.all([first, ...others].map((tab) => tab.until(1)));
    expect(server.requests).toHaveLength(1);
  });

  test("that open later with a cursor get what they missed, and no tab gets it twice", async () => {
    const { server, open } = await setUp();
    const first = open("a");
    await allOpen([first]);
    const cursor = server.head();
    for (let n = 1; n <= 3; n++) server.publish(n, { channel: "a" });
    await first.until(3);
    const second = open("a", { cursor });
    await second.until(3);
    server.publish(4, { channel: "a" });
    await Promise.all([first.until(4), second.until(4)]);
    expect(first.data).toEqual([1, 2, 3, 4]);
    expect(second.data).toEqual([1, 2, 3, 4]);
  });

  test("that open later without a cursor get no history", async () => {
    const { server, open } = await setUp();
    const first = open("a");
    await allOpen([first]);
    server.publish("old", { channel: "a" });
    await first.until(1);
    const second = open("a");
    await allOpen([second]);
    server.publish("new", { channel: "a" });
    await second.until(1);
    expect(second.data).toEqual(["new"]);
    expect(server.requests).toHaveLength(1);
  });

  test("do not share across URLs, identities, tokens or headers, or with `shareTabs: false`", async () => {
    const { server, open } = await setUp();
    const ways: SseClientOptions[] = [
      {},
      { url: `${server.url}?x` },
      { withCredentials: true },
      { identity: "ann" },
      { identity: "bob" },
      { token: "one" },
      { token: "one" },
      { headers: { "X-Tenant": "7" } },
      { token: () => "one" },
      { fetch: (...args) => fetch(...args) },
      { shareTabs: false },
    ];
    const tabs = ways.map((way) => open("a", {}, way));
    await allOpen(tabs);
    expect(server.streams).toHaveLength(ways.length);
  });

  test("share if they have the same identity, with any token", async () => {
    const { server, open } = await setUp();
    const ways: SseClientOptions[] = [
      { identity: "ann", token: "x" },
      { identity: "ann", token: () => "y" },
      { identity: "ann", headers: { "X-Tab": "3" }, fetch: (...args) => fetch(...args) },
    ];
    await allOpen(ways.map((way) => open("a", {}, way)));
    expect(server.streams).toHaveLength(1);
  });

  test("have one stream each if locks are forbidden or BroadcastChannel is missing", async () => {
    const { server, browser } = await setUp();
    const bare = { ...browser.openTab().host, BroadcastChannel: undefined as never };
    const forbidden = {
      ...browser.openTab().host,
      navigator: {
        locks: {
          request: () => Promise.reject(new DOMException("No", "SecurityError")),
        } as never,
      },
    };
    for (const host of [bare, forbidden]) {
      const client = createClient({ url: server.url }, host);
      onTestFinished(() => client.close());
      client.subscribe("a", () => {});
    }
    await server.until(2);
  });

  test("also share several streams if one cannot carry everything", async () => {
    await using server = createTestBus();
    const browser = startBrowser();
    const clients = [0, 1, 2].map(() =>
      createClient(
        { url: server.url, fetch: server.fetch, identity: "ann", ...FAST },
        browser.openTab().host,
      ),
    );
    onTestFinished(() => clients.forEach((client) => client.close()));
    const heard = new Map<string, unknown[]>();
    const statuses = new Map<string, string>();
    for (const [index, client] of clients.entries()) {
      for (let n = index * 50; n < index * 50 + 60; n++) {
        const one = `${index} ${n}`;
        heard.set(one, []);
        client.subscribe(`c/${n}`, (data) => heard.get(one)?.push(data), {
          onStatus: ({ status }) => statuses.set(one, status),
        });
      }
    }
    await vi.waitFor(() => {
      expect(statuses.size).toBe(180);
      expect(new Set(statuses.values())).toEqual(new Set(["open"]));
      // 160 channels.
      expect(server.open).toBe(2);
    }, WAIT);
    for (let n = 0; n < 160; n++) await server.bus.publish(n, { channel: `c/${n}` });
    await vi.waitFor(() => {
      for (const [one, data] of heard) expect(data).toEqual([Number(one.split(" ")[1])]);
    }, WAIT);
  });

  test("drop channels without subscriptions at the next heartbeat", async () => {
    const { server, open } = await setUp();
    const [a, b] = [open("a"), open("b")];
    await allOpen([a, b]);
    await server.until((now) => now.streams[0]?.channels.length === 2);
    b.end();
    await vi.waitFor(() => expect(b.client.status).toBe("idle"), WAIT);
    for (let beat = 0; beat < 2; beat++) {
      server.streams[0]?.ping();
      await passes(server, a);
    }
    await server.until(
      (now) => now.streams.length === 1 && now.streams[0]?.channels.join() === "a",
    );
    expect(server.streams[0]?.channels).toEqual(["a"]);
  });

  test("all have the status of a lost stream, and of a resumed one", async () => {
    const { server, open } = await setUp(FAST);
    const tabs = [open("a"), open("a")];
    await allOpen(tabs);
    server.stopListening();
    await vi.waitFor(() => {
      for (const { client } of tabs) expect(client.status).toBe("reconnecting");
    }, WAIT);
    const late = open("a");
    await vi.waitFor(() => expect(late.client.status).toBe("reconnecting"), WAIT);
    await server.listen();
    await allOpen([...tabs, late]);
  });

  test("all get a final refusal, also a tab that opens later, and each of them can try again", async () => {
    const { server, open } = await setUp({ onError: () => {} });
    server.answers.push((response) => response.writeHead(403).end("{}"));
    const tabs = [open("a"), open("a")];
    await vi.waitFor(() => {
      for (const { client } of tabs) expect(client.status).toBe("failed");
    }, WAIT);
    const late = open("a");
    await vi.waitFor(() => expect(late.client.status).toBe("failed"), WAIT);
    late.client.reconnect();
    await allOpen([...tabs, late]);
  });
});

describe("the group loses and repeats nothing when its leader", () => {
  const endings: Record<string, (tab: Tab, client: SseClient) => void> = {
    "is killed": (tab) => tab.kill(),
    "closes its client": (_, client) => client.close(),
    "is frozen": (tab) => tab.dispatch("freeze"),
    "navigates away": (tab) => tab.dispatch("pagehide"),
    hangs: (tab) => tab.hang(),
  };

  test.each(Object.keys(endings))("%s", async (ending) => {
    const { server, open } = await setUp(FAST);
    server.heartbeatMs = 50;
    const leader = open("a");
    await allOpen([leader]);
    const others = [open("a"), open("a"), open("b")];
    await allOpen(others);
    const before = 5;
    for (let n = 0; n < before; n++) server.publish(n, { channel: "a" });
    const [second, third] = others as [Opened, Opened, Opened];
    await Promise.all([leader, second, third].map((tab) => tab.until(before)));

    endings[ending]?.(leader.tab, leader.client);
    if (ending === "is killed") server.streams[0]?.cut();
    for (let n = before; n < 40; n++) {
      server.publish(n, { channel: "a" });
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    server.publish("b", { channel: "b" });
    await Promise.all([second.until(40), third.until(40), (others[2] as Opened).until(1)]);
    await allOpen(others);
    const all = Array.from({ length: 40 }, (_, n) => n);
    expect(second.data).toEqual(all);
    expect(third.data).toEqual(all);
    expect([...second.gaps, ...third.gaps]).toEqual([]);
  });

  test("a leader that hangs is replaced, and follows when it runs again", async () => {
    const { server, open } = await setUp(FAST);
    server.heartbeatMs = 60;
    const leader = open("a");
    await allOpen([leader]);
    const follower = open("a");
    await allOpen([follower]);
    leader.tab.hang();
    await waitForStatus(follower.client, "reconnecting");
    await allOpen([follower]);
    server.publish("while it stood still", { channel: "a" });
    await follower.until(1);
    leader.tab.thaw();
    await server.until(1);
    await allOpen([leader]);
    server.publish("together", { channel: "a" });
    await Promise.all([leader.until(2), follower.until(2)]);
    expect(leader.data).toEqual(["while it stood still", "together"]);
    expect(follower.data).toEqual(["while it stood still", "together"]);
  });

  test("a follower notices within the watchdog's time that the leader hangs", async () => {
    const { server, open } = await setUp(FAST);
    server.heartbeatMs = 400;
    const leader = open("a");
    await allOpen([leader]);
    const follower = open("a");
    await allOpen([follower]);
    const hung = performance.now();
    leader.tab.hang();
    await waitForStatus(follower.client, "reconnecting");
    // Plus room for a busy machine, less than two heartbeats.
    expect(performance.now() - hung).toBeLessThan(2.5 * 400 + 700);
  });

  test("a tab that was frozen resumes and gets what it missed", async () => {
    const { server, open } = await setUp(FAST);
    const tabs = [open("a"), open("a")] as [Opened, Opened];
    await allOpen(tabs);
    const [first, second] = tabs;
    for (const frozen of tabs) {
      const from = first.data.length;
      frozen.tab.dispatch("freeze");
      expect(frozen.client.status).toBe("paused");
      await vi.waitFor(() => expect(frozen.tab.holdings()).toBe(LISTENERS), WAIT);
      server.publish(from, { channel: "a" });
      const awake = frozen === first ? second : first;
      await awake.until(from + 1);
      frozen.tab.dispatch("resume");
      await allOpen(tabs);
      await frozen.until(from + 1);
    }
    expect(first.data).toEqual([0, 1]);
    expect(second.data).toEqual([0, 1]);
  });

  test("many tabs that open and close end with one stream, and every tab is complete", async () => {
    const { server, open } = await setUp(FAST);
    server.heartbeatMs = 50;
    const cursor = server.head();
    const witness = open("a", { cursor });
    await allOpen([witness]);
    let count = 0;
    for (let round = 0; round < 12; round++) {
      const tabs = [open("a", { cursor }), open(`b${round}`), open("a")];
      await allOpen(tabs);
      server.publish(count++, { channel: "a" });
      tabs[round % 3]?.tab.kill();
      server.publish(count++, { channel: "a" });
      tabs[(round + 1) % 3]?.client.close();
      server.publish(count++, { channel: "a" });
      tabs[(round + 2) % 3]?.tab.dispatch("pagehide");
    }
    await witness.until(count);
    expect(witness.data).toEqual(Array.from({ length: count }, (_, n) => n));
    expect(witness.gaps).toEqual([]);
  });
});

describe("on plain http://, where there are no locks, tabs", () => {
  const insecure = { isSecure: false };

  test("share one stream, and the first one requests it only once", async () => {
    const { server, open } = await setUp(FAST, insecure);
    const first = open("a");
    await allOpen([first]);
    const others = ["a", "b", "c", "a", "b", "c", "a"].map((channel) => open(channel));
    await allOpen(others);
    await server.until((now) => now.streams.length === 1 && now.streams[0]?.channels.length === 3);
    for (const channel of ["a", "b", "c"]) server.publish(channel, { channel });
    await Promise.all([first, ...others].map((tab) => tab.until(1)));
    expect(others.map(({ data }) => data.join())).toEqual(["a", "b", "c", "a", "b", "c", "a"]);
    expect(server.requests.filter(({ channels }) => channels.join() === "a")).toHaveLength(1);
  });

  test("that open at the same moment end with one stream", async () => {
    const { server, open } = await setUp(FAST, insecure);
    const tabs = Array.from({ length: 12 }, () => open("a"));
    await allOpen(tabs);
    await server.until(1);
    server.publish(1, { channel: "a" });
    await Promise.all(tabs.map((tab) => tab.until(1)));
    expect(tabs.map(({ data }) => data)).toEqual(tabs.map(() => [1]));
  });

  test.each(["closes", "is killed", "is frozen", "navigates away", "hangs"])(
    "elect another leader without loss when the leader %s",
    async (how) => {
      const { server, open } = await setUp(FAST, insecure);
      server.heartbeatMs = 100;
      const leader = open("a");
      await allOpen([leader]);
      const others = [open("a"), open("a"), open("b")] as const;
      await allOpen(others);
      if (how === "closes") leader.client.close();
      else if (how === "is killed") leader.tab.kill();
      else if (how === "hangs") leader.tab.hang();
      else leader.tab.dispatch(how === "is frozen" ? "freeze" : "pagehide");
      if (how === "is killed") server.streams[0]?.cut();
      for (let n = 0; n < 40; n++) {
        server.publish(n, { channel: "a" });
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      server.publish("b", { channel: "b" });
      await Promise.all([others[0].until(40), others[1].until(40), others[2].until(1)]);
      const all = Array.from({ length: 40 }, (_, n) => n);
      expect([others[0].data, others[1].data]).toEqual([all, all]);
      expect(others.flatMap(({ gaps }) => gaps)).toEqual([]);
      await allOpen(others);
      if (how !== "hangs") return;
      leader.tab.thaw();
      await leader.until(40);
      await server.until(1);
      expect(leader.data).toEqual(all);
    },
  );

  test("notice within six seconds that a leader has crashed, also if heartbeats are rare", async () => {
    const { server, open } = await setUp(FAST, insecure);
    const leader = open("a");
    await allOpen([leader]);
    const follower = open("a");
    await allOpen([follower]);
    const statuses: string[] = [];
    follower.client.subscribeStatus(() => statuses.push(follower.client.status));
    leader.tab.kill();
    server.streams[0]?.cut();
    const killed = performance.now();
    server.publish("missed", { channel: "a" });
    await follower.until(1);
    // Plus room for a busy machine.
    expect(performance.now() - killed).toBeLessThan(6_000 + 1_500);
    expect(follower.gaps).toEqual([]);
  });

  test("leak nothing at rest", async () => {
    const { server, open } = await setUp(FAST, insecure);
    const tabs = [open("a"), open("a")];
    await allOpen(tabs);
    for (const { client } of tabs) client.close();
    await server.until(0);
    for (const { tab } of tabs) expect(tab.holdings()).toBe(0);
  });
});

describe("another identity", () => {
  test.each(["leader", "follower"])(
    "set with its token, takes the %s out of the group of the former one",
    async (role) => {
      const { server, open } = await setUp(FAST);
      const ann = { identity: "ann", token: "of ann" };
      const tabs = { leader: open("a", {}, ann), follower: undefined as Opened | undefined };
      await allOpen([tabs.leader]);
      tabs.follower = open("a", {}, ann);
      await allOpen([tabs.follower]);
      const [mover, other] =
        role === "leader" ? [tabs.leader, tabs.follower] : [tabs.follower, tabs.leader];
      mover.client.setToken("of bob", { identity: "bob" });
      await server.until(2);
      await allOpen([mover, other]);
      const tokens = server.streams.map(({ headers }) => headers.authorization);
      expect(new Set(tokens)).toEqual(new Set(["Bearer of ann", "Bearer of bob"]));
      const ofAnn = server.streams.find(({ headers }) => headers.authorization?.endsWith("ann"));
      const id = server.head().replace(/^[^-]+/, "zz");
      ofAnn?.write(`id: ${id}@a\ndata: "for ann only"\n\n`);
      await other.until(1);
      server.publish("for both", { channel: "a" });
      await mover.until(1);
      expect(mover.data).toEqual(["for both"]);
      // A tab of bob's joins the one that has become his.
      await allOpen([open("a", {}, { identity: "bob", token: "of bob, too" })]);
      expect(server.streams).toHaveLength(2);
    },
  );

  test("may be undefined: a tab that signs out leaves the tabs that are signed in", async () => {
    const { server, open } = await setUp(FAST);
    const tabs = [open("a", {}, { identity: "ann" }), open("a", {}, { identity: "ann" })] as const;
    await allOpen(tabs);
    tabs[1].client.setToken(undefined);
    await allOpen(tabs);
    expect(server.streams).toHaveLength(1);
    tabs[1].client.setToken(undefined, { identity: undefined });
    await server.until(2);
    await allOpen(tabs);
  });

  test("requests again what the previous identity was refused", async () => {
    const { server, open } = await setUp({ ...FAST, onError: () => {} });
    server.grant = (channel) => channel !== "bobs";
    const tab = open("bobs", {}, { identity: "ann", token: "x" });
    const also = tab.client.subscribe("a", () => {});
    await allOpen([tab]);
    await server.until((now) => now.requests.length === 1);
    server.grant = () => true;
    tab.client.setToken("y", { identity: "bob" });
    await server.until((now) => now.requests.length === 2 && now.streams.length === 1);
    await allOpen([tab]);
    server.publish(1, { channel: "bobs" });
    await tab.until(1);
    also();
  });
});

describe("after a deployment", () => {
  test("a new leader learns from the other tabs that the stream was open", async () => {
    const { server, open } = await setUp({ ...FAST, onError: () => {} });
    const leader = open("a");
    await allOpen([leader]);
    const follower = open("a");
    await allOpen([follower]);
    server.answers.push((response) => response.writeHead(404).end("<h1>Not found"));
    leader.client.close();
    server.publish(1, { channel: "a" });
    await follower.until(1);
    expect(follower.client.status).toBe("open");
    expect(server.requests).toHaveLength(3);
  });
});

describe("a change of credentials", () => {
  test("by the leader leaves the group, and the others elect another", async () => {
    const { server, open } = await setUp(FAST);
    const leader = open("a");
    await allOpen([leader]);
    const follower = open("a");
    await allOpen([follower]);
    leader.client.setToken("two");
    await server.until(2);
    await allOpen([leader, follower]);
    const tokens = new Set(server.streams.map(({ headers }) => headers.authorization));
    expect(tokens).toEqual(new Set(["Bearer two", undefined]));
    server.publish(1, { channel: "a" });
    await Promise.all([leader.until(1), follower.until(1)]);
  });

  test("by a follower leaves the group, and nothing sent to the old credentials reaches it", async () => {
    const { server, open } = await setUp(FAST);
    const leader = open("a");
    await allOpen([leader]);
    const follower = open("a");
    await allOpen([follower]);
    follower.client.setToken("two");
    await server.until(2);
    await allOpen([leader, follower]);
    const ofLeader = server.streams.find(({ headers }) => headers.authorization === undefined);
    const id = server.head().replace(/^[^-]+/, "zz");
    ofLeader?.write(`id: ${id}@a\ndata: "for one only"\n\n`);
    await leader.until(1);
    server.publish("for both", { channel: "a" });
    await follower.until(1);
    expect(follower.data).toEqual(["for both"]);
  });

  test("under one identity opens a new connection before the old one is closed", async () => {
    const { server, open } = await setUp(FAST);
    const leader = open("a", {}, { identity: "ann", token: "one" });
    await allOpen([leader]);
    const statuses: string[] = [];
    leader.client.subscribeStatus(() => statuses.push(leader.client.status));
    leader.client.setToken("two");
    await server.until((now) => now.requests.length === 2 && now.streams.length === 1);
    expect(server.streams[0]?.headers.authorization).toBe("Bearer two");
    expect(statuses).toEqual([]);
  });
});

describe("the page", () => {
  test("that goes offline keeps a working stream", async () => {
    const { server, open } = await setUp(FAST);
    const tab = open("a");
    await allOpen([tab]);
    const statuses: string[] = [];
    tab.client.subscribeStatus(() => statuses.push(tab.client.status));
    tab.tab.setOnline(false);
    server.publish("on this machine", { channel: "a" });
    await tab.until(1);
    expect(statuses).toEqual([]);
    expect(server.requests).toHaveLength(1);
  });

  test("that is offline notices a dead stream by the watchdog, retries slowly, and immediately when it is online", async () => {
    const { server, open } = await setUp(FAST);
    server.heartbeatMs = 200;
    const tab = open("a");
    await allOpen([tab]);
    server.streams[0]?.stall();
    tab.tab.setOnline(false);
    await waitForStatus(tab.client, "reconnecting");
    const { error, retryAt = 0 } = tab.client.getStatus();
    expect(error?.code).toBe("STREAM_SILENT");
    expect(retryAt - Date.now()).toBeGreaterThan(9_000);
    server.publish(1, { channel: "a" });
    tab.tab.setOnline(true);
    await tab.until(1);
    expect(server.requests).toHaveLength(2);
  });

  test.each(["visibilitychange", "online", "pageshow"])(
    "that is shown again, or goes online, ends a wait: %s",
    async (event) => {
      const { server, open } = await setUp({ backoff: { baseMs: 60_000, maxMs: 60_000 } });
      const tab = open("a");
      await allOpen([tab]);
      server.streams[0]?.cut();
      await waitForStatus(tab.client, "reconnecting");
      tab.tab.dispatch(event);
      await allOpen([tab]);
    },
  );

  test("that is hidden after it was suspended stays paused", async () => {
    const { server, open } = await setUp();
    const tab = open("a");
    await allOpen([tab]);
    tab.tab.dispatch("pagehide");
    tab.tab.dispatch("visibilitychange");
    await server.until(0);
    expect(tab.client.status).toBe("paused");
    tab.tab.dispatch("pageshow");
    await allOpen([tab]);
  });

  test("whose stream is revoked fails with all others, and nothing more is delivered to any", async () => {
    const { server, open } = await setUp({ onError: () => {} });
    const tabs = [open("a"), open("a"), open("b")];
    await allOpen(tabs);
    await server.until((now) => now.streams.length === 1 && now.streams[0]?.channels.length === 2);
    server.streams[0]?.bye("revoked", 0, "SIGNED_OUT");
    server.publish("secret", { channel: "a" });
    server.publish("secret", { channel: "b" });
    await vi.waitFor(() => {
      for (const { client } of tabs) expect(client.status).toBe("failed");
    }, WAIT);
    await server.until(0);
    const cause = { reason: "revoked", code: "SIGNED_OUT" };
    for (const { client } of tabs) expect(client.getStatus().error?.cause).toMatchObject(cause);
    expect(tabs.map(({ data }) => data)).toEqual([[], [], []]);
  });

  test("of a client at rest has no lock, channel or listener left", async () => {
    const { server, open } = await setUp();
    const tabs = [open("a"), open("a")] as [Opened, Opened];
    await allOpen(tabs);
    tabs[0].end();
    tabs[1].client.close();
    await vi.waitFor(() => expect(tabs[0].client.status).toBe("idle"), WAIT);
    await server.until(0);
    await vi.waitFor(() => {
      for (const { tab } of tabs) expect(tab.holdings()).toBe(0);
    }, WAIT);
  });
});

test.each([
  { type: "close" },
  { type: "setInterest" },
  { type: "toString" },
  { type: "later" },
  {},
])("a tab that sends %j does not end the stream of the others", async (message) => {
  const { server, browser, open } = await setUp();
  const tabs = [open("a"), open("a")];
  await allOpen(tabs);
  const { BroadcastChannel } = browser.openTab().host;
  const channel = new (BroadcastChannel as typeof globalThis.BroadcastChannel)(
    tabGroupName({ url: server.url }) as string,
  );
  onTestFinished(() => channel.close());
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- it has none
  channel.postMessage(message);
  // One that is answered after it: the leader has received both.
  const alive = new Promise((resolve) => {
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- that would not start the channel
    channel.onmessage = resolve;
  });
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- it has none
  channel.postMessage({ type: "check" });
  await alive;
  server.publish(1, { channel: "a" });
  await Promise.all(tabs.map((tab) => tab.until(1)));
  expect(server.requests).toHaveLength(1);
});

/** The page's events that an active client listens to. */
const LISTENERS = 8;

interface Opened {
  readonly tab: Tab;
  readonly client: SseClient;
  readonly data: unknown[];
  readonly gaps: unknown[];
  until(count: number): Promise<void>;
  end(): string;
}

async function setUp(options: SseClientOptions = {}, how: { isSecure?: boolean } = {}) {
  const server = await startStreamServer();
  const browser = startBrowser(how);
  const clients: SseClient[] = [];
  onTestFinished(async () => {
    for (const client of clients) client.close();
    await server[Symbol.asyncDispose]();
  });
  const open = (
    channel: string,
    how: { cursor?: string } = {},
    more: SseClientOptions = {},
  ): Opened => {
    const tab = browser.openTab();
    const client = createClient({ url: server.url, ...options, ...more }, tab.host);
    clients.push(client);
    const [data, gaps]: [unknown[], unknown[]] = [[], []];
    const end = client.subscribe(channel, (value: unknown) => data.push(value), {
      ...how,
      onGap: (gap) => gaps.push(gap),
    });
    const until = (count: number) =>
      vi.waitFor(() => expect(data.length).toBeGreaterThanOrEqual(count), WAIT);
    return { tab, client, data, gaps, until, end };
  };
  return { server, browser, open };
}

async function allOpen(tabs: readonly Opened[]): Promise<void> {
  await vi.waitFor(() => {
    for (const { client } of tabs) expect(client.status).toBe("open");
  }, WAIT);
}

/** Resolves when the tab has read what the server sent until now. */
async function passes(server: StreamServer, tab: Opened): Promise<void> {
  const before = tab.data.length;
  server.publish("marker", { channel: "a" });
  await tab.until(before + 1);
}
