import { describe, expect, onTestFinished, test, vi } from "vitest";

import { createBadNetwork, type NetworkMode } from "../../test/support/bad-network.ts";
import { type Answer, startStreamServer } from "../../test/support/stream-server.ts";
import { startBrowser, type Tab } from "../../test/support/tabs.ts";
import { createTestBus } from "../testing/test-bus.ts";
import { waitForStatus } from "../testing/wait-for-status.ts";
import { createClient } from "./client.ts";
import type { SseClientOptions, SseConnection } from "./client-types.ts";
import { step, UNKNOWN } from "./ladder.ts";
import type { ClientSettings } from "./settings.ts";

describe("where a network holds streams back", () => {
  test.each<NetworkMode>(["buffers", "holds"])(
    "(%s) the client polls, and delivers everything once",
    async (mode) => {
      const { server, client, collect } = await setUp(mode);
      const cursor = server.head();
      server.publish(1, { channel: "a" });
      const a = collect("a", { cursor });
      const { transport } = await waitForStatus(client, "open");
      expect(transport).toBe("poll");
      server.publish(2, { channel: "a" });
      await a.until(2);
      server.publish(3, { channel: "a" });
      server.publish(4, { channel: "a" });
      await a.until(4);
      expect(a.data).toEqual([1, 2, 3, 4]);
      expect(a.gaps).toEqual([]);
    },
  );

  test("a head without `hello` is enough: the client does not wait for the whole timeout", async () => {
    const { client, collect } = await setUp("holds", { connectTimeoutMs: 60_000 });
    const before = performance.now();
    collect("a");
    await waitForStatus(client, "open");
    expect(client.getStatus().transport).toBe("poll");
    expect(performance.now() - before).toBeGreaterThan(1_900);
  });

  test("the first poll does not wait, so that its `hello` comes at once; the next ones do", async () => {
    const { server, client, collect } = await setUp("buffers", { ladder: HELD_BACK });
    collect("a");
    await waitForStatus(client, "open");
    await server.until(({ requests }) => polls(requests).length === 2);
    expect(polls(server.requests)).toEqual([0, 25]);
  });

  test("a quiet poll is one request for its whole wait, and the cursor of a quiet channel stays fresh", async () => {
    const { server, collect } = await setUp("blocks", {
      ladder: { cuts: 3, lifeMs: 300 },
      probeMs: 60_000,
    });
    const a = collect("a");
    await server.until(({ requests }) => polls(requests).length === 2);
    server.publish("elsewhere", { channel: "b" });
    await server.until(({ requests }) => polls(requests).length === 4);
    const [, second, third, fourth] = server.requests.filter(({ waitS }) => waitS !== undefined);
    for (const [one, next] of [
      [second, third],
      [third, fourth],
    ]) {
      expect((next?.at ?? 0) - (one?.at ?? 0)).toBeGreaterThan(950);
    }
    expect(fourth?.from?.split("-")[0]).toBe(server.head().split("-")[0]);
    expect(a.data).toEqual([]);
  });

  test("the client is on a stream again after the network has been mended, without a loss or a break", async () => {
    const { server, network, client, collect } = await setUp("buffers");
    const a = collect("a");
    await waitForStatus(client, "open");
    const seen: SseConnection[] = [];
    client.subscribeStatus(() => seen.push(client.getStatus()));
    network.mode = "clear";
    const publishing = setInterval(() => server.publish(count++, { channel: "a" }), 3);
    let count = 0;
    await vi.waitFor(() => expect(client.getStatus().transport).toBe("stream"), WAIT);
    clearInterval(publishing);
    await a.until(count);
    expect(a.data).toEqual(Array.from({ length: count }, (_, n) => n));
    expect(seen.map(({ status, transport }) => `${status} ${transport}`)).toEqual(["open stream"]);
    await server.until(({ streams }) => streams.length === 1);
    expect(server.streams[0]?.waitS).toBeUndefined();
  });

  test("polls continue while a stream is tried in vain, and the status says so", async () => {
    const { server, client, collect } = await setUp("buffers", { ladder: HELD_BACK });
    const a = collect("a");
    await waitForStatus(client, "open");
    const seen: SseConnection[] = [];
    client.subscribeStatus(() => seen.push(client.getStatus()));
    const streams = () => server.requests.filter(({ waitS }) => waitS === undefined).length;
    for (let number = 1; number < 50 || streams() < 3; number++) {
      server.publish(number, { channel: "a" });
      await a.until(number);
    }
    expect(seen).toEqual([]);
    expect(a.data).toEqual(a.data.map((_, index) => index + 1));
  });

  test("a new channel does not wait for a stream that is being tried", async () => {
    const { server, client, collect } = await setUp("buffers", {
      ladder: HELD_BACK,
      connectTimeoutMs: 60_000,
    });
    collect("a");
    await waitForStatus(client, "open");
    await server.until(({ requests }) => requests.some(({ waitS }) => waitS === undefined));
    const cursor = server.head();
    server.publish(1, { channel: "b" });
    const b = collect("b", { cursor });
    await b.until(1);
    expect(client.getStatus().transport).toBe("poll");
  });

  test("the browser's report of another network tries the stream at once", async () => {
    const { tab, network, client, collect } = await setUp("buffers", {
      ladder: HELD_BACK,
      probeMs: 600,
    });
    collect("a");
    await waitForStatus(client, "open");
    await new Promise((resolve) => setTimeout(resolve, 250));
    network.mode = "clear";
    const before = performance.now();
    tab.changeNetwork();
    await vi.waitFor(() => expect(client.getStatus().transport).toBe("stream"), WAIT);
    expect(performance.now() - before).toBeLessThan(250);
  });

  test("a subscription from `latest` gets the snapshot, and then what follows", async () => {
    const { server, client, collect } = await setUp("buffers", { ladder: HELD_BACK });
    server.publish("kept", { channel: "a" });
    const a = collect("a", { cursor: "latest" });
    await a.until(1);
    await waitForStatus(client, "open");
    server.publish("next", { channel: "a" });
    await a.until(2);
    expect(a.data).toEqual(["kept", "next"]);
  });
});

test("a heartbeat comes after the last page of the history, not before, with the real route", async () => {
  await using server = createTestBus();
  for (let n = 0; n < 250; n++) await server.bus.publish(n, { channel: "a" });
  const network = createBadNetwork(server.fetch);
  network.mode = "blocks";
  const options = { url: server.url, fetch: network.fetch, ladder: HELD_BACK };
  using client = createClient(options, startBrowser().openTab().host, true);
  const data: unknown[] = [];
  client.subscribe("a", (value) => data.push(value), { cursor: "earliest" });
  const complete = await new Promise((resolve) => {
    const onPing = (): void => resolve([...data]);
    client.subscribe("a", onPing, { cursor: "earliest", event: "ping" });
  });
  expect(complete).toEqual(Array.from({ length: 250 }, (_, n) => n));
  await server.bus.publish("next", { channel: "a" });
  await vi.waitFor(() => expect(data.at(-1)).toBe("next"), WAIT);
});

test("the heartbeats of a client that polls have the server's time, as those of a stream do", async () => {
  await using server = createTestBus();
  const network = createBadNetwork(server.fetch);
  network.mode = "blocks";
  const options = { url: server.url, fetch: network.fetch, ladder: HELD_BACK };
  using client = createClient(options, startBrowser().openTab().host);
  const before = Date.now();
  const ping = await new Promise((resolve) => {
    client.subscribe("a", resolve, { event: "ping" });
  });
  const { time } = ping as { time: number };
  expect(time).toBeGreaterThanOrEqual(before);
  expect(time).toBeLessThanOrEqual(Date.now());
});

test("a client that is closed while the head of a stream arrives has no timer left", async () => {
  let answer: ((response: Response) => void) | undefined;
  const client = createClient(
    { url: "http://a/", fetch: () => new Promise((resolve) => (answer = resolve)) },
    startBrowser().openTab().host,
  );
  client.subscribe("a", () => {});
  await vi.waitFor(() => expect(answer).toBeDefined(), WAIT);
  const timers = vi.spyOn(globalThis, "setTimeout");
  onTestFinished(() => timers.mockRestore());
  answer?.(new Response(new ReadableStream(), { headers: TYPE }));
  client.close();
  await new Promise((resolve) => setImmediate(resolve));
  expect(timers.mock.calls.filter(([, ms]) => ms === 1_000)).toEqual([]);
});

describe("where a network cuts streams", () => {
  test("three cuts in a row after about the same life make the client poll, for less than that life", async () => {
    const { server, client, collect } = await setUp({ lifeMs: 150 }, { probeMs: 60_000 });
    const a = collect("a", { cursor: server.head() });
    const publishing = setInterval(() => server.publish(count++, { channel: "a" }), 3);
    let count = 0;
    await vi.waitFor(() => expect(client.getStatus().transport).toBe("poll"), WAIT);
    const firstPoll = server.requests.findIndex(({ waitS }) => waitS !== undefined);
    const times = server.requests.slice(0, firstPoll + 1).map(({ at }) => at);
    const lives = times.slice(1).map((at, n) => at - (times[n] as number));
    let ladder = UNKNOWN;
    const cuts = lives.map((ms) => (ladder = step(ladder, "cut", ms)).cuts);
    // A life that a stall of the machine made longer than the others begins a new row.
    expect(cuts.slice(-3)).toEqual([1, 2, 3]);
    expect(cuts.slice(0, -1)).not.toContain(3);
    expect(server.requests.findLast(({ waitS }) => waitS)?.waitS ?? 1).toBe(1);
    clearInterval(publishing);
    await a.until(count);
    expect(a.data).toEqual(Array.from({ length: count }, (_, n) => n));
  });

  test("the third cut is followed by a poll at once, and the status does not change in between", async () => {
    const { server, client, collect } = await setUp("clear", {
      backoff: { baseMs: 60_000 },
      ladder: { cuts: 2, lifeMs: 20 },
    });
    collect("a");
    await waitForStatus(client, "open");
    const seen: string[] = [];
    client.subscribeStatus(() => {
      const { status, transport } = client.getStatus();
      seen.push(`${status} ${transport}`);
    });
    server.streams[0]?.cut();
    await vi.waitFor(() => expect(seen).toEqual(["open poll"]), WAIT);
  });

  test("a stream that fell silent after its `hello` was cut: the next one is tried later, not at once", async () => {
    const { server, client, collect } = await setUp("clear", {
      ladder: { cuts: 2, lifeMs: 100 },
      probeMs: 60_000,
    });
    server.heartbeatMs = 40;
    collect("a");
    await waitForStatus(client, "open");
    server.streams[0]?.stall();
    await vi.waitFor(() => expect(client.getStatus().transport).toBe("poll"), WAIT);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(server.requests.filter(({ waitS }) => waitS === undefined)).toHaveLength(1);
  });

  test("if that poll fails, too, the connection is lost", async () => {
    const { server, client, collect } = await setUp("clear", {
      backoff: { baseMs: 60_000 },
      ladder: { cuts: 2, lifeMs: 20 },
    });
    collect("a");
    await waitForStatus(client, "open");
    server.answers.push((response) => void response.destroy());
    server.streams[0]?.cut();
    expect((await waitForStatus(client, "reconnecting")).error?.code).toBe("STREAM_LOST");
  });

  test.each<[string, (stream: { bye(reason: string, ms: number): void; end(): void }) => void]>([
    ["lifetime", (stream) => stream.bye("lifetime", 0)],
    ["drain", (stream) => stream.bye("drain", 0)],
  ])("a stream that the server ends with `%s` is none that was cut", async (_, bye) => {
    const { server, client, collect } = await setUp("clear");
    collect("a");
    for (let n = 1; n < 5; n++) {
      await server.until(({ streams, requests }) => requests.length >= n && streams.length === 1);
      await waitForStatus(client, "open");
      const [stream] = server.streams;
      if (!stream) continue;
      bye(stream);
      stream.end();
    }
    await server.until(({ requests }) => requests.length === 5);
    expect(polls(server.requests)).toEqual([]);
  });

  test("refusals and failed attempts do not count, and end the row", async () => {
    const refuse: Answer = (response) => response.writeHead(503).end();
    const { server, client, collect } = await setUp("clear");
    collect("a");
    for (let n = 0; n < 4; n++) {
      await server.until(1);
      await waitForStatus(client, "open");
      server.answers.push(refuse);
      server.streams[0]?.cut();
      await server.until(({ answers }) => answers.length === 0);
    }
    await server.until(1);
    expect(polls(server.requests)).toEqual([]);
  });

  test("a poll that is cut is asked again at once, and the connection counts as open", async () => {
    const { server, client, collect } = await setUp("blocks", {
      ladder: HELD_BACK,
      probeMs: 60_000,
      backoff: { baseMs: 60_000 },
    });
    const a = collect("a");
    await waitForStatus(client, "open");
    const seen: unknown[] = [];
    client.subscribeStatus(() => seen.push(client.getStatus()));
    for (let n = 1; n < 4; n++) {
      await server.until(({ streams }) => streams.some(({ waitS }) => waitS === 25));
      server.streams.find(({ waitS }) => waitS === 25)?.cut();
      await server.until(({ requests }) => polls(requests).length === 1 + 2 * n);
      server.publish(n, { channel: "a" });
      await a.until(n);
    }
    expect(seen).toEqual([]);
    expect(a.data).toEqual([1, 2, 3]);
  });

  test("a server that does not answer polls any more is lost, and polled again after the backoff", async () => {
    const { server, client, collect } = await setUp("blocks", { ladder: HELD_BACK });
    const a = collect("a");
    await waitForStatus(client, "open");
    await server.until(({ streams }) => streams.some(({ waitS }) => waitS === 25));
    server.stopListening();
    await waitForStatus(client, "reconnecting");
    const cursor = server.head();
    server.publish("missed", { channel: "a" });
    expect(cursor).not.toBe(server.head());
    await server.listen();
    await a.until(1);
    expect(a.data).toEqual(["missed"]);
  });

  test.each<[string, Answer, number]>([
    ["answers 504", (response) => response.writeHead(504).end(), 1],
    ["cuts them", (response) => void response.destroy(), 2],
  ])("polls are shorter where a proxy %s after a time", async (_, answer, times) => {
    const { server, collect } = await setUp("blocks", { ladder: HELD_BACK, probeMs: 60_000 });
    collect("a");
    await server.until(({ requests }) => polls(requests).includes(25));
    for (let n = 0; n < times; n++) {
      server.answers.push((response, request) => setTimeout(answer, 1_050, response, request));
    }
    server.publish(1, { channel: "a" });
    await server.until(({ requests }) => polls(requests).includes(1));
    expect(polls(server.requests).filter((waitS) => waitS === 25)).toHaveLength(1 + times);
  });

  test("two polls in a row that were cut after different times say nothing of the network", async () => {
    const { server, collect } = await setUp("blocks", { ladder: HELD_BACK, probeMs: 60_000 });
    collect("a");
    await server.until(({ requests }) => polls(requests).includes(25));
    // As when a device changes its network: the one that waits is cut, and the next one finds no way for seconds.
    server.answers.push((response) => setTimeout(() => response.destroy(), 1_600));
    server.streams.find(({ waitS }) => waitS === 25)?.cut();
    await server.until(({ requests }) => polls(requests).length === 5);
    expect(polls(server.requests)).toEqual([0, 25, 25, 0, 25]);
  });
});

describe("an answer to a poll", () => {
  test("that does not wait, as of a cache, does not make the client ask more than once a second", async () => {
    const { server, client, collect } = await setUp("blocks", {
      ladder: HELD_BACK,
      probeMs: 60_000,
    });
    const page = `id: ${server.head()}\nevent: hello\ndata: {}\n\n`;
    const cached: Answer = (response) => response.writeHead(200, TYPE).end(page);
    for (let n = 0; n < 50; n++) server.answers.push(cached);
    collect("a");
    await waitForStatus(client, "open");
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(server.requests.length).toBeLessThan(6);
  });

  test.each([
    [401, "failed"],
    [503, "reconnecting"],
  ] as const)("with status %i is the answer of a stream", async (status, then) => {
    const { server, client, collect } = await setUp("buffers", {
      ladder: HELD_BACK,
      onError: () => {},
    });
    collect("a");
    await waitForStatus(client, "open");
    await server.until(({ streams }) => streams.some(({ waitS }) => waitS === 25));
    const refuse: Answer = (response) =>
      response
        .writeHead(status, { "Content-Type": "application/problem+json", "Retry-After": "60" })
        .end(`{"status":${status},"code":"UNAUTHORIZED"}`);
    for (let n = 0; n < 9; n++) server.answers.push(refuse);
    server.publish(1, { channel: "a" });
    await waitForStatus(client, then);
  });

  test("that grants fewer channels than before fails their subscriptions alone", async () => {
    const { server, client, collect } = await setUp("buffers", {
      ladder: HELD_BACK,
      onError: () => {},
    });
    const a = collect("a");
    const b = collect("b");
    await waitForStatus(client, "open");
    await server.until(({ streams }) => streams.some(({ waitS }) => waitS === 25));
    server.grant = (channel) => channel !== "b";
    server.publish(1, { channel: "a" });
    await a.until(1);
    server.publish(2, { channel: "a" });
    await vi.waitFor(() => expect(b.statuses.at(-1)?.status).toBe("failed"), WAIT);
    await a.until(2);
    expect(a.data).toEqual([1, 2]);
  });

  test("that grants fewer channels does not serve a subscription from before it", async () => {
    const { server, client, collect } = await setUp("blocks", {
      ladder: HELD_BACK,
      probeMs: 60_000,
      onError: () => {},
    });
    const cursor = server.head();
    const a = collect("a", { cursor });
    collect("b", { cursor });
    await waitForStatus(client, "open");
    server.publish(1, { channel: "a" });
    await a.until(1);
    await server.until(({ streams }) => streams.some(({ waitS }) => waitS === 25));
    server.grant = (channel) => channel !== "b";
    // It is asked for while the next poll, whose answer grants less, is on its way.
    const late = new Promise<ReturnType<typeof collect>>((resolve) => {
      const once = client.subscribe("a", () => {
        once();
        resolve(collect("a", { cursor }));
      });
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    server.publish(2, { channel: "a" });
    await (await late).until(2);
    expect((await late).data).toEqual([1, 2]);
  });
});

describe("a client that polls", () => {
  test("has nothing open after it was closed", async () => {
    const { server, tab, client, collect } = await setUp("blocks", { ladder: HELD_BACK });
    collect("a");
    await waitForStatus(client, "open");
    client.close();
    await server.until(0);
    const { length } = server.requests;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(server.requests).toHaveLength(length);
    expect(tab.holdings()).toBe(0);
  });

  test("asks for a fresh token only once after a refusal", async () => {
    const asked: boolean[] = [];
    const { server, collect } = await setUp("blocks", {
      ladder: HELD_BACK,
      probeMs: 60_000,
      token({ refused }) {
        asked.push(refused);
        return "t";
      },
    });
    server.answers.push((response) => response.writeHead(401).end());
    const a = collect("a");
    for (let n = 1; n < 4; n++) {
      await server.until(({ streams }) => streams.some(({ waitS }) => waitS === 25));
      server.publish(n, { channel: "a" });
      await a.until(n);
    }
    expect(asked.filter(Boolean)).toHaveLength(1);
  });

  test("does not try a stream when the browser goes offline, so that it can when it is online again", async () => {
    const { server, tab, client, collect } = await setUp("buffers", {
      ladder: HELD_BACK,
      probeMs: 600,
    });
    const streams = () => server.requests.filter(({ waitS }) => waitS === undefined).length;
    collect("a");
    await waitForStatus(client, "open");
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(streams()).toBe(1);
    tab.setOnline(false);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(streams()).toBe(1);
    tab.setOnline(true);
    const before = performance.now();
    await server.until(() => streams() === 2);
    expect(performance.now() - before).toBeLessThan(200);
  });

  test("serves all tabs, which know that it polls, and the next leader polls at once", async () => {
    const browser = startBrowser();
    const { server, network, client, collect, tab } = await setUp(
      "buffers",
      { identity: "ann", ladder: HELD_BACK, probeMs: 60_000 },
      browser.openTab(),
    );
    const a = collect("a");
    await waitForStatus(client, "open");
    const other = browser.openTab();
    const follower = createClient(
      {
        url: server.url,
        fetch: network.fetch,
        identity: "ann",
        headers: { "X-Tab": "follower" },
        ...FAST,
        probeMs: 60_000,
      },
      other.host,
    );
    onTestFinished(() => follower.close());
    const heard: unknown[] = [];
    follower.subscribe("a", (data) => heard.push(data));
    await waitForStatus(follower, "open");
    expect(follower.getStatus().transport).toBe("poll");
    server.publish(1, { channel: "a" });
    await a.until(1);
    await vi.waitFor(() => expect(heard).toEqual([1]), WAIT);
    tab.kill();
    client.close();
    const ofFollower = () => server.requests.find(({ headers }) => headers["x-tab"]);
    await server.until(() => ofFollower() !== undefined);
    expect(ofFollower()?.waitS).toBe(0);
    server.publish(2, { channel: "a" });
    await vi.waitFor(() => expect(heard).toEqual([1, 2]), WAIT);
  });
});

const FAST = { backoff: { baseMs: 5, maxMs: 20 }, connectTimeoutMs: 200, probeMs: 40 };
const HELD_BACK = { cuts: 3, lifeMs: 0 };
const WAIT = { timeout: 5_000, interval: 2 };
const TYPE = { "Content-Type": "text/event-stream" };

function polls(requests: readonly { readonly waitS: number | undefined }[]): number[] {
  return requests.flatMap(({ waitS }) => waitS ?? []);
}

async function setUp(
  mode: NetworkMode,
  options: SseClientOptions & Pick<ClientSettings, "ladder" | "probeMs"> = {},
  tab: Tab = startBrowser().openTab(),
) {
  const server = await startStreamServer();
  const network = createBadNetwork(fetch);
  network.mode = mode;
  const client = createClient(
    { url: server.url, fetch: network.fetch, ...FAST, ...options },
    tab.host,
  );
  onTestFinished(async () => {
    client.close();
    await server[Symbol.asyncDispose]();
  });
  const collect = (channel: string, how: { cursor?: string } = {}) => {
    const [data, gaps, statuses]: [unknown[], unknown[], SseConnection[]] = [[], [], []];
    client.subscribe(channel, (value: unknown) => data.push(value), {
      ...how,
      onGap: (gap) => gaps.push(gap),
      onStatus: (status) => statuses.push(status),
    });
    const until = (count: number) =>
      vi.waitFor(() => expect(data.length).toBeGreaterThanOrEqual(count), WAIT);
    return { data, gaps, statuses, until };
  };
  return { server, network, tab, client, collect };
}
