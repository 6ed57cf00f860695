import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createBus, internalsOf } from "../bus.ts";
import type { PresenceEvent } from "./contribution.ts";
import {
  allContributions,
  applyEvent,
  applyStatement,
  beginSync,
  createFold,
  endSync,
  type Statement,
} from "./fold.ts";
import { createLocalMembers } from "./local-members.ts";
import { createMemberPublisher } from "./member-publisher.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const anyStep = fc.oneof(
  fc.record({ type: fc.constant("open" as const), user: fc.constantFrom("ann", "bob") }),
  fc.record({ type: fc.constant("close" as const), pick: fc.nat() }),
  fc.record({ type: fc.constant("state" as const), pick: fc.nat(), state: fc.option(fc.nat(3)) }),
  fc.record({ type: fc.constant("pass" as const), ms: fc.constantFrom(10, 60) }),
  fc.record({ type: fc.constant("answer" as const) }),
  fc.record({ type: fc.constant("receive" as const), pick: fc.nat() }),
  fc.record({ type: fc.constant("new-id" as const) }),
  fc.record({
    type: fc.constant("settle" as const),
    // A publish may fail though it was stored.
    how: fc.constantFrom(
      "stored" as const,
      "stored" as const,
      "failed" as const,
      "unknown" as const,
    ),
  }),
);
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;

const GRACE_MS = 50;

/** Members of one instance, with a log whose answers the test gives. */
function createWorld() {
  const { engine } = internalsOf(createBus());
  const sent: {
    readonly event: PresenceEvent;
    settle(how: "stored" | "failed" | "unknown"): void;
  }[] = [];
  const log: { readonly event: PresenceEvent; readonly seq: number }[] = [];
  const statements: Statement[] = [];
  const fold = createFold();
  beginSync(fold);
  let seq = 0;
  let received = 0;
  let instance = "a0";
  let connections = 0;
  const open: string[] = [];
  const used: boolean[] = [];

  const send = async (_: string, event: PresenceEvent): Promise<void> =>
    new Promise((resolve, reject) => {
      sent.push({
        event,
        settle(how) {
          if (how !== "failed") log.push({ event, seq: ++seq });
          if (how === "stored") resolve();
          else reject(new Error("no answer"));
        },
      });
    });
  const local = createLocalMembers({
    instance: () => instance,
    now: () => ++seq,
    onUse: (isUsed) => used.push(isUsed),
    onError: () => {},
    maxMembers: 100,
    createPublisher: (onDone) =>
      createMemberPublisher({ engine, instance: () => instance, send, onDone, onError: () => {} }),
  });

  async function step(each: Step): Promise<void> {
    if (each.type === "open") {
      const connection = `c${++connections}`;
      open.push(connection);
      local.open({
        connection,
        identity: { id: each.user },
        channels: ["room"],
        graceMs: GRACE_MS,
      });
    } else if (each.type === "close") {
      const [connection] = open.splice(each.pick % Math.max(1, open.length), 1);
      if (connection !== undefined) local.close(connection);
    } else if (each.type === "state") {
      const connection = open[each.pick % Math.max(1, open.length)];
      if (connection !== undefined) local.setState(connection, "room", each.state ?? undefined);
    } else if (each.type === "pass") await vi.advanceTimersByTimeAsync(each.ms);
    else if (each.type === "settle") {
      sent.shift()?.settle(each.how);
      await vi.advanceTimersByTimeAsync(0);
    } else if (each.type === "answer") {
      statements.push({ i: instance, at: ++seq, contributions: local.state("room") });
    } else if (each.type === "receive") {
      const next = log[received];
      if (next) {
        applyEvent(fold, next.event, next.seq);
        received++;
      }
      const statement = statements[each.pick % Math.max(1, statements.length)];
      if (statement) applyStatement(fold, statement);
    } else {
      const gone = instance;
      instance = `a${++seq}`;
      local.publishAll();
      log.push({ event: { type: "gone", i: gone }, seq: ++seq });
    }
  }

  /** The backend answers everything, and all graces end. */
  async function finish(): Promise<void> {
    for (let turn = 0; turn < 60; turn++) {
      for (const each of sent.splice(0)) each.settle("stored");
      await vi.advanceTimersByTimeAsync(turn < 10 ? GRACE_MS : 5000);
    }
    for (const { event, seq: at } of log.slice(received)) applyEvent(fold, event, at);
    for (const statement of statements) applyStatement(fold, statement);
    endSync(fold);
  }

  return { local, fold, sent, log, used, open, step, finish };
}

test("whatever is asked, fails or changes in between, all end with what the instance has", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 40 }), async (steps) => {
      const world = createWorld();
      // The follower has asked once at least.
      await world.step({ type: "answer" });
      for (const each of steps) await world.step(each);
      await world.finish();
      expect([...allContributions(world.fold)].map(({ id }) => id).toSorted()).toEqual(
        world.local
          .state("room")
          .map(({ id }) => id)
          .toSorted(),
      );
      const sorted = (all: Iterable<{ readonly id: string }>): unknown =>
        [...all].toSorted((a, b) => (a.id < b.id ? -1 : 1));
      expect(sorted(allContributions(world.fold))).toEqual(sorted(world.local.state("room")));
      expect(world.local.isEmpty).toBe(world.open.length === 0);
      world.local.stop();
    }),
    { numRuns: Number(process.env.SSE_BUS_MODEL_RUNS ?? 300) },
  );
});

test("a member that joins and leaves before it is published is published only if an answer named it", async () => {
  const world = createWorld();
  // The first publish waits for its answer, and what follows with it.
  await world.step({ type: "open", user: "ann" });
  await world.step({ type: "close", pick: 0 });
  await world.step({ type: "pass", ms: 60 });
  expect(world.sent.map(({ event }) => event.type)).toEqual(["join"]);
  await world.step({ type: "settle", how: "stored" });
  expect(world.sent.map(({ event }) => event.type)).toEqual(["leave"]);
  await world.step({ type: "settle", how: "stored" });
  expect(world.local.isEmpty).toBe(true);
  expect(world.used).toEqual([true, false]);
});

test("changes that follow each other faster than the log stores them are published as one", async () => {
  const world = createWorld();
  await world.step({ type: "open", user: "ann" });
  for (let state = 1; state <= 50; state++) await world.step({ type: "state", pick: 0, state });
  await world.step({ type: "settle", how: "stored" });
  expect(world.sent).toHaveLength(1);
  expect(world.sent[0]?.event).toMatchObject({ type: "update", state: 50 });
});
