import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createLeaseFold, isFree, type LeaseFold } from "./lease-fold.ts";
import type { Hold, LeaseMessage } from "./lease-message.ts";

const LEASE = 100;

function createSender(i: string) {
  let n = 0;
  return (content: Partial<LeaseMessage> = {}): LeaseMessage => ({
    i,
    n: ++n,
    leaseMs: LEASE,
    watch: [],
    demand: [],
    hold: [],
    claim: [],
    ...content,
  });
}

/** It knows the log from its beginning. */
function createFold(): LeaseFold {
  const fold = createLeaseFold(LEASE);
  fold.knowAll();
  return fold;
}

function holderOf({ names }: LeaseFold, name = "x"): string | undefined {
  return names.get(name)?.holder;
}

describe("instances", () => {
  test("one that is silent for a lease counts as gone with the next message of another one", () => {
    const fold = createFold();
    const [a, b] = [createSender("a"), createSender("b")];
    fold.lease(a(), 1000);
    expect(fold.lease(b(), 1099)).toMatchObject({ gone: [], hasNewTopics: true });
    expect(fold.lease(b(), 1100)).toMatchObject({ gone: [{ id: "a", how: "expired" }] });
    expect([...fold.peers.keys()]).toEqual(["b"]);
  });

  test("one that ends counts as gone at once, and what it sent before counts for nothing after it", () => {
    const fold = createFold();
    const a = createSender("a");
    fold.lease(a(), 1000);
    const late = a({ hold: [["x", 5]] });
    expect(fold.end("a", 1001)).toMatchObject({ gone: [{ id: "a", how: "ended" }] });
    expect(fold.lease(late, 1002)).toMatchObject({ isOfGone: true });
    expect(fold.peers.size).toBe(0);
    expect(holderOf(fold)).toBeUndefined();
  });

  test("one whose message comes a lease late counts as gone, and stays gone", () => {
    const fold = createFold();
    const a = createSender("a");
    fold.lease(a(), 1000);
    expect(fold.lease(a(), 1100)).toMatchObject({
      gone: [{ id: "a", how: "expired" }],
      isOfGone: true,
    });
    expect(fold.lease(a(), 1101)).toMatchObject({ gone: [], isOfGone: true });
  });

  test("a message that arrives after a newer one is ignored", () => {
    const fold = createFold();
    const a = createSender("a");
    const older = a({ demand: ["orders/*"] });
    fold.lease(a(), 1000);
    expect(fold.lease(older, 1001)).toMatchObject({ hasNewTopics: false });
    expect(fold.peers.get("a")).toMatchObject({ demand: [], seenAt: 1000 });
  });

  test("a change is reported only if what it watches or has demand for is another one", () => {
    const fold = createFold();
    const a = createSender("a");
    expect(fold.lease(a({ watch: ["a/*"] }), 1000).hasNewTopics).toBe(true);
    expect(fold.lease(a({ watch: ["a/*"], claim: [["x", 1]] }), 1001).hasNewTopics).toBe(false);
    expect(fold.lease(a({ watch: ["a/*"], demand: ["a/*"] }), 1002).hasNewTopics).toBe(true);
    expect(fold.end("a", 1003).hasNewTopics).toBe(true);
  });

  test("after the log has restarted with a clock that is behind, a silent one counts as gone a lease later", () => {
    const fold = createFold();
    const b = createSender("b");
    fold.lease(createSender("a")(), 1_000_000);
    fold.lease(b(), 500);
    expect(fold.lease(b(), 599).gone).toEqual([]);
    expect(fold.lease(b(), 600).gone).toContainEqual({ id: "a", how: "expired" });
  });
});

describe("singletons", () => {
  test("the first claim of a free name is accepted, and others are refused while it is renewed", () => {
    const fold = createFold();
    const [a, b] = [createSender("a"), createSender("b")];
    fold.lease(a({ claim: [["x", 5]] }), 1000);
    fold.lease(b({ claim: [["x", 6]] }), 1001);
    expect(holderOf(fold)).toBe("a");
    fold.lease(a({ hold: [["x", 5]] }), 1050);
    fold.lease(b({ claim: [["x", 7]] }), 1120);
    expect(holderOf(fold)).toBe("a");
    expect(fold.names.get("x")).toMatchObject({ fence: 5, lastHolder: "a" });
  });

  test.each<[string, (fold: LeaseFold, a: ReturnType<typeof createSender>) => void]>([
    ["releases it", (fold, a) => fold.lease(a(), 1010)],
    ["ends", (fold) => fold.end("a", 1010)],
    ["is silent for a lease", () => {}],
  ])("a name is free when its holder %s, for a greater fence", (_, lose) => {
    const fold = createFold();
    const [a, b] = [createSender("a"), createSender("b")];
    fold.lease(a({ claim: [["x", 5]] }), 1000);
    lose(fold, a);
    fold.lease(b({ claim: [["x", 5]] }), 1101);
    expect(holderOf(fold)).toBeUndefined();
    fold.lease(b({ claim: [["x", 6]] }), 1102);
    expect(fold.names.get("x")).toMatchObject({ holder: "b", fence: 6 });
  });

  test("after a loss, the holder's next message says that it holds; an older hold of another is over", () => {
    const fold = createFold();
    const [a, b] = [createSender("a"), createSender("b")];
    fold.lease(a({ claim: [["x", 5]] }), 1000);
    fold.knowSince(1010);
    expect(holderOf(fold)).toBeUndefined();
    // In between, `a` has released the name, and `b` has claimed it.
    fold.lease(b({ hold: [["x", 6]] }), 1050);
    expect(holderOf(fold)).toBe("b");
    fold.lease(a({ hold: [["x", 5]] }), 1051);
    expect(fold.names.get("x")).toMatchObject({ holder: "b", fence: 6 });
  });

  test("a name whose holder is known again after a loss cannot be claimed", () => {
    const fold = createFold();
    const [a, b] = [createSender("a"), createSender("b")];
    fold.lease(a({ claim: [["x", 5]] }), 1000);
    fold.knowSince(1010);
    fold.lease(a({ hold: [["x", 5]] }), 1050);
    fold.lease(b({ claim: [["x", 9]] }), 1060);
    expect(fold.names.get("x")).toMatchObject({ holder: "a", fence: 5 });
  });

  test("after a loss, claims are not judged for a lease, and one that may count keeps the name for another", () => {
    const fold = createFold();
    const [a, b] = [createSender("a"), createSender("b")];
    fold.knowSince(1000);
    fold.lease(a({ claim: [["x", 9]] }), 1099);
    expect(holderOf(fold)).toBeUndefined();
    fold.lease(b({ claim: [["x", 10]] }), 1150);
    expect(holderOf(fold)).toBeUndefined();
    // It had been refused by those who know, as `c` holds the name.
    fold.lease(createSender("c")({ hold: [["x", 8]] }), 1160);
    expect(fold.names.get("x")).toMatchObject({ holder: "c", fence: 8 });
  });

  test("after a loss, an instance is not gone because of the messages that are missing", () => {
    const fold = createFold();
    const a = createSender("a");
    fold.lease(a({ claim: [["x", 5]] }), 1000);
    fold.knowSince(1120);
    expect(fold.lease(a({ hold: [["x", 5]] }), 1130)).toMatchObject({ gone: [], isOfGone: false });
    expect(holderOf(fold)).toBe("a");
  });

  test("a new claim of its holder is a new hold", () => {
    const fold = createFold();
    const a = createSender("a");
    fold.lease(a({ claim: [["x", 5]] }), 1000);
    fold.lease(a({ claim: [["x", 8]] }), 1010);
    expect(fold.names.get("x")).toMatchObject({ holder: "a", fence: 8 });
  });

  test("what nobody needs is forgotten: names without a holder, and instances that count as gone", () => {
    const fold = createFold();
    for (let n = 0; n < 20_000; n++) {
      const sender = createSender(`i${n}`);
      fold.lease(sender({ claim: [[`x${n}`, 1000 + n]] }), 1000 + n);
      fold.end(`i${n}`, 1000 + n);
      fold.end(`unknown${n}`, 1000 + n);
    }
    expect(fold.names.size).toBeLessThanOrEqual(10_000);
    fold.lease(createSender("last")(), 10_000_000);
    fold.lease(createSender("one more")(), 20_000_000);
    expect(fold.names.size).toBe(0);
    expect([...fold.peers.keys()]).toEqual(["one more"]);
  });
});

describe("whatever instances do, and whatever messages some of them miss", () => {
  /**
   * A log, and instances that read it with a delay of their own. Each claims by what it knows, as
   * `singletons.ts` does, and holds a name from the time that its claim has returned until it releases
   * it or its lease may have ended.
   */
  interface Entry {
    readonly message: LeaseMessage;
    readonly time: number;
  }

  interface Model {
    /** Another one after its lease has expired. */
    id: string;
    send: ReturnType<typeof createSender>;
    readonly fold: LeaseFold;
    /** Index of the next entry to read. */
    next: number;
    isPaused: boolean;
    claim: number | undefined;
    hold: number | undefined;
    renewedAt: number;
  }

  const operation = fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant("read"), count: fc.nat(4) }) },
    { weight: 8, arbitrary: fc.record({ kind: fc.constant("renew"), count: fc.constant(0) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("pause"), count: fc.constant(0) }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("lose"), count: fc.integer({ min: 1, max: 5 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("release"), count: fc.constant(0) }) },
  );
  const step = fc.tuple(fc.nat(2), fc.nat(40), operation);

  test("two holds of one name never overlap in the log's time, and fences only grow", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const log: Entry[] = [];
        let time = 1000;
        /** Each accepted claim, by when it was stored and until when it may count. */
        const holds: { by: string; fence: number; from: number; until: number }[] = [];
        const models = ["a", "b", "c"].map((id): Model => ({
          id,
          send: createSender(id),
          fold: createFold(),
          next: 0,
          isPaused: false,
          claim: undefined,
          hold: undefined,
          renewedAt: -1,
        }));

        const store = (model: Model): void => {
          const hold: Hold[] = model.hold === undefined ? [] : [["x", model.hold]];
          const claim: Hold[] = model.claim === undefined ? [] : [["x", model.claim]];
          log.push({ message: model.send({ hold, claim }), time });
          // As the answer tells: it counted as gone when the message was stored.
          if (model.renewedAt >= 0 && time - model.renewedAt >= LEASE) {
            model.id += "+";
            model.send = createSender(model.id);
            model.hold = model.claim = undefined;
            model.renewedAt = -1;
            return;
          }
          model.renewedAt = time;
          const open = holds.findLast(({ by }) => by === model.id);
          if (open && model.hold !== undefined && open.fence === model.hold) {
            open.until = time + LEASE;
          }
        };

        const read = (model: Model, count: number): void => {
          for (let n = 0; n < count && model.next < log.length; n++) {
            const entry = log[model.next++] as Entry;
            model.fold.lease(entry.message, entry.time);
            const state = model.fold.names.get("x");
            const { claim } = model;
            const isJudged = entry.message.i === model.id && entry.message.claim[0]?.[1] === claim;
            if (claim === undefined || !isJudged) continue;
            model.claim = undefined;
            const isAccepted = state?.holder === model.id && state.fence === claim;
            if (!isAccepted || time - model.renewedAt >= LEASE) continue;
            model.hold = claim;
            const until = model.renewedAt + LEASE;
            holds.push({ by: model.id, fence: claim, from: entry.time, until });
          }
        };

        for (const [index, elapsed, { kind, count }] of steps) {
          time += elapsed;
          const model = models[index] as Model;
          if (kind === "pause") model.isPaused = !model.isPaused;
          if (model.isPaused) continue;
          // By its own clock, before anything else.
          if (model.hold !== undefined && time - model.renewedAt >= LEASE) model.hold = undefined;
          if (kind === "read") read(model, count);
          else if (kind === "lose" && model.next < log.length) {
            model.next = Math.min(log.length, model.next + count);
            model.fold.knowSince(time);
          } else if (kind === "release" && model.hold !== undefined) {
            const open = holds.findLast(({ by }) => by === model.id);
            model.hold = undefined;
            store(model);
            if (open) open.until = Math.min(open.until, time);
          } else if (kind === "renew") {
            const state = model.fold.names.get("x");
            const canClaim = model.fold.isComplete(time) && (!state || isFree(state, time));
            if (model.hold === undefined && model.claim === undefined && canClaim) {
              model.claim = Math.max((state?.fence ?? 0) + 1, time);
            }
            store(model);
          }
        }

        const inOrder = holds.toSorted((a, b) => a.from - b.from || a.fence - b.fence);
        for (const [index, hold] of inOrder.entries()) {
          const before = inOrder[index - 1];
          if (!before) continue;
          expect(hold.fence).toBeGreaterThan(before.fence);
          if (before.by !== hold.by) expect(hold.from).toBeGreaterThanOrEqual(before.until);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

test("a fencing number of another program that would leave none for later holds counts for nothing", () => {
  const fold = createFold();
  const [a, b] = [createSender("a"), createSender("b")];
  fold.lease(a({ hold: [["x", Number.MAX_SAFE_INTEGER]] }), 1000);
  fold.lease(a({ claim: [["x", Number.MAX_SAFE_INTEGER]] }), 1001);
  expect(fold.names.size).toBe(0);
  fold.lease(b({ claim: [["x", 1002]] }), 1002);
  expect(holderOf(fold)).toBe("b");
});
