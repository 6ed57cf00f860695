import fc from "fast-check";
import { expect, test, vi } from "vitest";

import { startBusServer, type BusServer } from "../../test/support/bus-server.ts";
import { createBadNetwork, type NetworkMode } from "../../test/support/bad-network.ts";
import { startBrowser, type Tab } from "../../test/support/tabs.ts";
import { matcherOf } from "./topic.ts";
import { createClient } from "./client.ts";
import type { SseClient } from "./client-types.ts";
import { createPresence } from "./presence.ts";

// Invariants 1 to 4 of SPEC.md, over random schedules: several tabs of one browser, the real bus, the
// real handler, and every failure between them.

// A stream accepts two channels and one pattern, so the subscriptions need several streams.
const TOPICS = ["a", "b", "c/1", "c/*", "**"] as const;
const LIMITS = { maxChannels: 2, maxPatterns: 1 };
const CHANNELS = ["a", "b", "c/1", "c/2"] as const;

type Step =
  | { do: "publish"; channel: number; count: number }
  | { do: "open" | "close" | "kill" | "freeze" | "resume" | "hide"; tab: number }
  | { do: "subscribe"; tab: number; topic: number; from: "now" | "cursor" | "old" | "bad" }
  | { do: "unsubscribe" | "goOn"; tab: number }
  | { do: "watch" | "unwatch"; tab: number; channel: number }
  | { do: "network"; mode: NetworkMode }
  | { do: "cut" | "restart" | "bye" | "unavailable" | "deploy" | "offline" | "settle" };

const anyMode = fc.constantFrom<NetworkMode>(
  "clear",
  "clear",
  "buffers",
  "holds",
  "blocks",
  { lifeMs: 8 },
  { lifeMs: 30 },
);
const anyIndex = fc.nat({ max: 3 });
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: step("publish", { channel: anyIndex, count: fc.integer({ min: 1, max: 8 }) }),
  },
  {
    weight: 6,
    arbitrary: step("subscribe", {
      tab: anyIndex,
      topic: fc.nat({ max: TOPICS.length - 1 }),
      from: fc.constantFrom("now", "now", "cursor", "cursor", "old", "bad"),
    }),
  },
  { weight: 3, arbitrary: step("unsubscribe", { tab: anyIndex }) },
  { weight: 2, arbitrary: step("goOn", { tab: anyIndex }) },
  { weight: 2, arbitrary: step("watch", { tab: anyIndex, channel: anyIndex }) },
  { weight: 2, arbitrary: step("unwatch", { tab: anyIndex, channel: anyIndex }) },
  ...(["close", "kill", "freeze", "hide"] as const).map((name) => ({
    weight: 1,
    arbitrary: step(name, { tab: anyIndex }),
  })),
  { weight: 2, arbitrary: step("resume", { tab: anyIndex }) },
  ...(["cut", "bye", "unavailable", "deploy", "offline", "settle"] as const).map((name) => ({
    weight: 2,
    arbitrary: step(name, {}),
  })),
  { weight: 1, arbitrary: step("restart", {}) },
  { weight: 3, arbitrary: step("network", { mode: anyMode }) },
);

const anySteps = fc.array(anyStep, { minLength: 5, maxLength: 40 });

function step(name: Step["do"], fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Step> {
  return fc.record({ do: fc.constant(name), ...fields }) as unknown as fc.Arbitrary<Step>;
}

/** Whether one stream cannot carry all channels, and whether the pages have locks. */
interface Setting {
  readonly isNarrow: boolean;
  readonly isSecure: boolean;
}

/** SSE_BUS_MODEL_RUNS=2000 for a long run; each test stops after two minutes at the latest. */
const RUNS = Number(process.env.SSE_BUS_MODEL_RUNS ?? 120);

test.each<[string, Setting, number]>([
  ["", { isNarrow: false, isSecure: true }, RUNS],
  [", over several streams", { isNarrow: true, isSecure: true }, Math.ceil(RUNS / 2)],
  [", between tabs without locks", { isNarrow: false, isSecure: false }, Math.ceil(RUNS / 3)],
])(
  "every message arrives once and in order, or a gap that names its channel comes first%s",
  async (_, setting, numRuns) => {
    await fc.assert(
      fc.asyncProperty(anyMode, anySteps, async (mode, steps) => {
        await using run = startRun(setting, mode);
        for (const one of steps) await run.take(one);
        await run.settle();
        run.check();
      }),
      { numRuns, interruptAfterTimeLimit: 120_000, endOnFailure: false },
    );
  },
  240_000,
);

/** A subscription, with what it has received and what it may expect. */
interface Witness {
  readonly topic: string;
  readonly covers: RegExp;
  /** Numbers of messages, and for each gap how many were published by then, in the order of arrival. */
  readonly seen: (number | { readonly gapBefore: number })[];
  /** It started from a cursor after this number. */
  readonly after: number | undefined;
  readonly end: () => string;
  until: number | undefined;
}

interface Actor {
  readonly tab: Tab;
  readonly client: SseClient;
  readonly witnesses: Witness[];
  /** Ends the presence of the tab on channels. */
  readonly watching: Map<string, () => void>;
  isFrozen: boolean;
  ended: { topic: string; cursor: string; after: number } | undefined;
}

function startRun({ isNarrow, isSecure }: Setting, mode: NetworkMode) {
  const server = startBusServer(
    { heartbeatMs: 40, retryMs: 1, presence: true, ...(isNarrow && LIMITS) },
    { history: { maxMessages: 4 }, onError: () => {} },
  );
  const network = createBadNetwork(server.fetch);
  network.mode = mode;
  const browser = startBrowser({ isSecure });
  const identity = `run ${Math.random()}`;
  const published: { channel: string; number: number }[] = [];
  const everyone: Witness[] = [];
  const statuses: string[] = [];
  const actors = new Map<number, Actor>();
  let first: string | undefined;

  const actor = (index: number): Actor => {
    const known = actors.get(index);
    if (known) return known;
    const tab = browser.openTab();
    const client = createClient(
      {
        url: server.url,
        fetch: network.fetch,
        identity,
        backoff: { baseMs: 1, maxMs: 4 },
        connectTimeoutMs: 60,
        probeMs: 20,
        // Half of the tabs think that they have to poll.
        ...(index % 2 && { ladder: { cuts: 3, lifeMs: 0 } }),
        onError: (error) => statuses.push(error.message),
      },
      tab.host,
    );
    const made: Actor = {
      tab,
      client,
      witnesses: [],
      watching: new Map(),
      isFrozen: false,
      ended: undefined,
    };
    actors.set(index, made);
    return made;
  };

  const subscribe = (
    to: Actor,
    topic: string,
    cursor: string | undefined,
    after?: number,
  ): void => {
    const seen: Witness["seen"] = [];
    const end = to.client.subscribe(
      topic,
      (number: number) => {
        seen.push(number);
        // The message counts as delivered to a listener that throws.
        if (number % 7 === 0) throw new Error("expected");
      },
      {
        ...(cursor !== undefined && { cursor }),
        onGap: () => seen.push({ gapBefore: published.length }),
      },
    );
    const covers = matcherOf(topic);
    const witness: Witness = { topic, covers, seen, after, end, until: undefined };
    to.witnesses.push(witness);
    everyone.push(witness);
  };

  const publish = async (channel: string): Promise<void> => {
    const number = published.length;
    published.push({ channel, number });
    await server.bus.publish(number, { channel });
  };

  const leave = (index: number): void => {
    for (const witness of actors.get(index)?.witnesses ?? []) witness.until = published.length;
    actors.delete(index);
  };

  /** Whether each tab has had a stream: to a page that never had one, a 404 means a wrong address. */
  const wereOpen = (): boolean =>
    actors.size > 0 && [...actors.values()].every(({ client }) => client.status === "open");

  const settle = async (): Promise<void> => {
    for (const { tab, isFrozen } of actors.values()) if (isFrozen) tab.dispatch("resume");
    const live = [...actors.values()].filter(({ witnesses }) => witnesses.some(isLive));
    for (const one of live) one.isFrozen = false;
    network.mode = "clear";
    await vi.waitFor(() => {
      const wanted = { status: "open", transport: "stream" };
      for (const { client } of live) expect(client.getStatus()).toMatchObject(wanted);
    }, WAIT);
    // All frames that are still in transit arrive before these.
    await vi.waitFor(async () => {
      for (const channel of CHANNELS) await publish(channel);
      const last = published.length - CHANNELS.length;
      for (const { covers, seen } of live.flatMap(({ witnesses }) => witnesses.filter(isLive))) {
        const wanted = published.slice(last).filter(({ channel }) => covers.test(channel));
        const numbers = new Set(seen);
        await vi.waitFor(
          () => {
            for (const { number } of wanted)
              expect(numbers.has(number) || seen.includes(number)).toBe(true);
          },
          { timeout: 500, interval: 2 },
        );
      }
    }, WAIT);
  };

  const take = async (one: Step): Promise<void> => {
    switch (one.do) {
      case "publish":
        for (let n = 0; n < one.count; n++) await publish(CHANNELS[one.channel] as string);
        break;
      case "subscribe": {
        const to = actor(one.tab);
        const topic = TOPICS[one.topic] as string;
        const cursor = await server.bus.cursor();
        first ??= cursor;
        if (one.from === "cursor") subscribe(to, topic, cursor, published.length);
        else if (one.from === "old") subscribe(to, topic, first);
        else subscribe(to, topic, one.from === "bad" ? "no cursor" : undefined);
        break;
      }
      case "unsubscribe": {
        const from = actors.get(one.tab);
        const witness = from?.witnesses.find(isLive);
        if (!from || !witness) break;
        const cursor = witness.end();
        witness.until = published.length;
        const last = witness.seen.findLast((one) => typeof one === "number") as number;
        from.ended =
          last === undefined ? undefined : { topic: witness.topic, cursor, after: last + 1 };
        break;
      }
      case "goOn": {
        const to = actors.get(one.tab);
        if (to?.ended) subscribe(to, to.ended.topic, to.ended.cursor, to.ended.after);
        if (to) to.ended = undefined;
        break;
      }
      // Each new interest in presence replaces the stream of all tabs.
      case "watch": {
        const { client, watching } = actor(one.tab);
        const channel = CHANNELS[one.channel] as string;
        if (watching.has(channel)) break;
        watching.set(
          channel,
          createPresence(client, channel).subscribe(() => {}),
        );
        break;
      }
      case "unwatch": {
        const { watching } = actor(one.tab);
        const channel = CHANNELS[one.channel] as string;
        watching.get(channel)?.();
        watching.delete(channel);
        break;
      }
      case "close":
        actors.get(one.tab)?.client.close();
        leave(one.tab);
        break;
      case "kill":
        actors.get(one.tab)?.tab.kill();
        actors.get(one.tab)?.client.close();
        leave(one.tab);
        break;
      case "freeze":
      case "hide": {
        const frozen = actors.get(one.tab);
        if (frozen) frozen.isFrozen = true;
        frozen?.tab.dispatch(one.do === "hide" ? "pagehide" : "freeze");
        break;
      }
      case "resume": {
        const woken = actors.get(one.tab);
        if (woken) woken.isFrozen = false;
        woken?.tab.dispatch("resume");
        break;
      }
      case "cut":
        server.cut();
        break;
      case "restart":
        await server.restart();
        break;
      case "bye":
        server.end("lifetime", 1);
        break;
      case "unavailable":
        for (let n = 0; n < 4; n++) server.answers.push(() => new Response("{}", { status: 503 }));
        server.cut();
        break;
      case "deploy":
        // What proxies answer during a deployment.
        // A client without subscriptions lingers, and soon asks no more.
        if (!wereOpen() || !everyone.some(isLive)) break;
        server.answers.push(
          () => new Response("<h1>", { status: 404, headers: { "Content-Type": "text/html" } }),
          () => new Response("<h1>", { headers: { "Content-Type": "text/html" } }),
        );
        server.cut();
        await vi.waitFor(() => expect(server.answers).toEqual([]), WAIT);
        break;
      case "offline": {
        const [one] = actors.values();
        one?.tab.setOnline(false);
        one?.tab.setOnline(true);
        break;
      }
      case "network":
        network.mode = one.mode;
        // Long enough for a cut or for a client that gives up.
        await new Promise((resolve) => setTimeout(resolve, one.mode === "clear" ? 0 : 40));
        break;
      case "settle":
        await settle();
        break;
      default:
    }
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
  };

  const check = (): void => {
    for (const witness of everyone) checkWitness(witness, published);
    // A request that is cut before its answer looks to a page like one that CORS forbids.
    expect(statuses.filter((message) => !/expected|CORS/.test(message))).toEqual([]);
  };

  return {
    take,
    settle,
    check,
    async [Symbol.asyncDispose]() {
      for (const { client } of actors.values()) client.close();
      await vi.waitFor(() => expect(server.open).toBe(0), WAIT);
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Compares what one subscription received with what was published. */
function checkWitness(
  witness: Witness,
  published: readonly { channel: string; number: number }[],
): void {
  const { covers, seen, after, until, topic } = witness;
  const numbers = seen.filter((one) => typeof one === "number");
  const context = () => `${topic} from ${after}: ${JSON.stringify(seen)}`;
  for (const [index, number] of numbers.entries()) {
    if (index) expect(number, context()).toBeGreaterThan(numbers[index - 1] as number);
    expect(covers.test(published[number]?.channel ?? ""), context()).toBe(true);
  }
  const due = published.filter(({ channel }) => covers.test(channel)).map(({ number }) => number);
  let expected = after;
  let excused = 0;
  for (const one of [...seen, ...(until === undefined ? [published.length] : [])]) {
    if (typeof one !== "number") {
      excused = one.gapBefore;
      continue;
    }
    const missing = due.filter(
      (number) => number >= Math.max(expected ?? one, excused) && number < one,
    );
    expect(missing, `lost unannounced in ${context()}`).toEqual([]);
    expected = one + 1;
  }
}

function isLive({ until }: Witness): boolean {
  return until === undefined;
}

const WAIT = { timeout: 15_000, interval: 5 };

export type { BusServer };
