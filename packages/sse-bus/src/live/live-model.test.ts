import fc from "fast-check";
import { expect, onTestFinished, test, vi } from "vitest";
import { type BusServer, startBusServer } from "../../test/support/bus-server.ts";
import { createLaggingServer, type LaggingConnection } from "../../test/support/lagging-server.ts";
import { createSseClient } from "../client/client.ts";
import { createBus, internalsOf } from "../core/bus.ts";
import type { LiveSnapshot } from "../core/live/live-types.ts";
import { type Cursor, formatCursor, parseCursor } from "../core/position.ts";
import { createLiveStore } from "../react/live-store.ts";
import { defineLive } from "./define-live.ts";

// A live value against a simple model: all messages that were ever published. The value lists the ids of the
// messages that it was folded from, so the model knows what it must be.

/** SSE_BUS_MODEL_RUNS=2000 for a long run. */
const RUNS = Number(process.env.SSE_BUS_MODEL_RUNS ?? 100);
const TIMEOUT = 60_000 + RUNS * 200;

type Ids = readonly string[];

const folded = defineLive({
  channel: "a",
  initial: [] as Ids,
  reduce: (ids, _, { id }) => [...ids, id],
});

/** The ids of the channel's messages, in each epoch. */
function createTruth() {
  const logs = new Map<string, string[]>();
  const logOf = (epoch: string): string[] => {
    const log = logs.get(epoch) ?? [];
    logs.set(epoch, log);
    return log;
  };
  return {
    add: (epoch: string, id: string) => void logOf(epoch).push(id),
    newest: (epoch: string) => logOf(epoch).at(-1),
    /** A value must be the newest messages up to its cursor, without a hole, and no fewer than are kept. */
    check({ value, cursor }: LiveSnapshot<Ids>, kept: { epoch: string; horizon: number }): void {
      const { epoch, seq } = positionOf(cursor);
      const log = logOf(epoch).filter((id) => positionOf(id).seq <= seq);
      expect(value).toEqual(log.slice(log.length - value.length));
      if (epoch !== kept.epoch) return;
      const least = log.filter((id) => positionOf(id).seq > kept.horizon).length;
      expect(value.length).toBeGreaterThanOrEqual(least);
    },
    /** What a page shows must be messages of one epoch without a hole. */
    checkRun(ids: Ids): void {
      const [first] = ids;
      if (first === undefined) return;
      const log = logOf(positionOf(first).epoch);
      const from = log.indexOf(first);
      expect(ids).toEqual(log.slice(from, from + ids.length));
    },
  };
}

function positionOf(id: string): Cursor {
  return parseCursor(id) as Cursor;
}

const anyCount = fc.integer({ min: 1, max: 5 });

test(
  "on the server, a value equals the fold of what was published, whatever is cut, evicted, restarted",
  async () => {
    const anyStep = fc.record({
      do: fc.constantFrom(
        ...([
          "publish",
          "publish",
          "publish",
          "read",
          "read",
          "read",
          "deliver",
          "deliver",
        ] as const),
        ...(["reply", "reply", "slow", "fast", "fast", "cut", "restore", "restore"] as const),
        ...(["trim", "loseData", "notice", "turn", "turn"] as const),
      ),
      bus: fc.nat({ max: 1 }),
      count: anyCount,
    });
    const anySteps = fc.array(anyStep, { minLength: 5, maxLength: 80 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(1, 3, 1000), anySteps, async (maxMessages, steps) => {
        const truth = createTruth();
        const history = { maxMessages };
        const server = createLaggingServer({
          history,
          onStored(epoch, message) {
            if (message.channel === "a") truth.add(epoch, formatCursor(message, epoch));
          },
        });
        const observer = server.connect();
        const start = () => {
          const network = server.connect();
          const bus = createBus({ backend: network.backend, history, onError: () => {} });
          return { network, bus };
        };
        const sides = [start(), start()];
        const reads: Promise<void>[] = [];
        const check = async (read: Promise<LiveSnapshot<Ids>>): Promise<LiveSnapshot<Ids>> => {
          const snapshot = await read;
          const { epoch } = server;
          const { horizon } = await observer.backend.read("a");
          truth.check(snapshot, { epoch, horizon });

          return snapshot;
        };

        for (const { do: what, bus: index, count } of steps) {
          const { bus, network } = sides[index] as (typeof sides)[0];
          if (what === "publish") {
            for (let n = 0; n < count; n++) server.publish({ channel: n % 3 === 2 ? "b" : "a" });
          } else if (what === "read") {
            reads.push(check(folded.read(bus)).then(() => {}, ignoreUnavailable));
          } else if (what === "trim") server.trim(server.head - count);
          else if (what === "loseData") server.loseData();
          else if (what === "turn") await turn();
          else if (what === "deliver") network.deliver(count);
          else if (what === "reply") await network.reply();
          else if (what === "slow") network.isPrompt = false;
          else if (what === "fast") await speedUp(network);
          else network[what]();
          await Promise.resolve();
        }

        for (const { network } of sides) {
          network.restore();
          network.notice();
          await speedUp(network);
        }
        await Promise.all(reads);
        for (const { bus } of sides) {
          const { value } = await check(folded.read(bus));
          const newest = truth.newest(server.epoch);
          const { messages } = await observer.backend.read("a");
          if (messages.length > 0) expect(value.at(-1)).toBe(newest);
          expect(internalsOf(bus).engine.readers.size).toBe(1);
          await bus.close();
          expect(internalsOf(bus).engine.readers.size).toBe(0);
        }
      }),
      { numRuns: RUNS },
    );
  },
  TIMEOUT,
);

/** Everything that is on the way arrives, and what follows arrives by itself. */
async function speedUp(network: LaggingConnection): Promise<void> {
  network.isPrompt = true;
  while (network.isUp && network.replies + network.inbox > 0) {
    network.deliver();
    await network.reply();
    await turn();
  }
}

async function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function ignoreUnavailable(error: unknown): void {
  expect(error).toMatchObject({ code: "BACKEND_UNAVAILABLE" });
}

test(
  "in a page, a value equals the fold of what was published, whatever is cut, evicted, restarted",
  async () => {
    const anyStep = fc.record({
      do: fc.constantFrom(
        ...(["publish", "publish", "publish", "publish", "cut", "cut", "cut"] as const),
        ...(["restart", "leave", "return", "return", "settle", "settle", "settle"] as const),
      ),
      count: anyCount,
    });
    const anySteps = fc.array(anyStep, { minLength: 5, maxLength: 30 });
    // A visible page, which draws a frame in each turn.
    vi.stubGlobal("document", { visibilityState: "visible" });
    vi.stubGlobal("requestAnimationFrame", setImmediate);
    vi.stubGlobal("cancelAnimationFrame", clearImmediate);
    onTestFinished(() => void vi.unstubAllGlobals());
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1, 3, 1000),
        fc.boolean(),
        anySteps,
        async (maxMessages, hasSnapshot, steps) => {
          const truth = createTruth();
          await using server = startBusServer(
            { retryMs: 1, heartbeatMs: 50 },
            { history: { maxMessages }, onError: () => {} },
          );
          const publish = async (count: number): Promise<void> => {
            for (let n = 0; n < count; n++) {
              const [id = ""] = (await server.bus.publish(n, { channel: "a" })).id.split("@");
              truth.add(positionOf(id).epoch, id);
            }
          };
          await publish(3);
          using client = createSseClient({
            url: server.url,
            fetch: server.fetch,
            backoff: { baseMs: 1, maxMs: 4 },
          });
          const snapshot = hasSnapshot ? await folded.read(server.bus) : undefined;
          const store = createLiveStore(client, folded, snapshot);
          const shown = (): Ids => store.snapshot().data as Ids;
          const wrong: unknown[] = [];
          const show = (): void => {
            try {
              truth.checkRun(shown());
            } catch (error) {
              wrong.push(error);
            }
          };
          let leave: (() => void) | undefined = store.subscribe(show);

          for (const step of steps) {
            if (step.do === "publish") await publish(step.count);
            else if (step.do === "cut") server.cut();
            else if (step.do === "restart") await server.restart();
            else if (step.do === "settle") await turn();
            else if (step.do === "leave") {
              leave?.();
              leave = undefined;
            } else leave ??= store.subscribe(show);
          }

          leave ??= store.subscribe(show);
          await publish(1);
          const { epoch } = positionOf(await server.bus.cursor());
          await vi.waitFor(() => {
            expect(shown().at(-1)).toBe(truth.newest(epoch));
            expect(store.snapshot().connection.status).toBe("open");
          }, WAIT);
          // The server folds again what the log keeps.
          const kept = defineLive({ ...folded, initial: [] as Ids });
          const { value } = await kept.read(server.bus);
          expect(shown().slice(-value.length)).toEqual(value);
          show();
          expect(wrong).toEqual([]);
          leave();
          await untilIdle(server);
        },
      ),
      { numRuns: Math.ceil(RUNS / 2) },
    );
  },
  TIMEOUT,
);

/** Enough time for a busy machine. */
const WAIT = { timeout: 10_000 };

async function untilIdle(server: BusServer): Promise<void> {
  await vi.waitFor(() => expect(server.open).toBeLessThanOrEqual(1), WAIT);
}
