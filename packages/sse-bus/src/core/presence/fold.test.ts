import fc from "fast-check";
import { expect, test } from "vitest";
import type { Contribution, PresenceEvent } from "./contribution.ts";
import {
  allContributions,
  applyEvent,
  applyStatement,
  beginSync,
  createFold,
  endSync,
  memberOf,
  type PresenceFold,
  replaceAll,
  startOver,
  type Statement,
} from "./fold.ts";
import type { Member } from "./member.ts";

const runs = Number(process.env.SSE_BUS_MODEL_RUNS ?? 1000);
const instances = ["a1", "b2", "c3"];
const ids = ["ann", "bob", "cem"];

const anyStep = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("decide"),
      i: fc.constantFrom(...instances),
      id: fc.constantFrom(...ids),
      n: fc.integer({ min: 0, max: 3 }),
      state: fc.option(fc.integer({ min: 0, max: 9 })),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("store"),
      i: fc.constantFrom(...instances),
      pick: fc.nat(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("ask") }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("answer"),
      i: fc.constantFrom(...instances),
      pick: fc.nat(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("die"), i: fc.constantFrom(...instances) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("reap") }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant("receive"), pick: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("receive-answer"), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("repeat"), pick: fc.nat() }) },
);
type Step = {
  readonly type: string;
  readonly i?: string;
  readonly id?: string;
  readonly n?: number;
  readonly state?: number | null;
  readonly pick?: number;
};

interface Owner {
  readonly decided: Map<string, Contribution>;
  /** Decisions that are not stored yet: by member, in order. */
  readonly unstored: Map<string, PresenceEvent[]>;
  isAlive: boolean;
}

interface StoredEvent {
  readonly seq: number;
  readonly event: PresenceEvent;
}

/** Owners that decide and store, a log, and one follower that starts somewhere in it. */
function createWorld(startsAt: number) {
  const owners = new Map<string, Owner>(
    instances.map((i) => [i, { decided: new Map(), unstored: new Map(), isAlive: true }]),
  );
  const log: StoredEvent[] = [];
  const questions: number[] = [];
  const answers: Statement[] = [];
  const fold = createFold(0);
  beginSync(fold);
  let seq = 0;
  let time = 0;
  let received = 0;

  const owner = (i: string): Owner => owners.get(i) as Owner;
  const hasStarted = (): boolean => seq >= startsAt;

  function append(event: PresenceEvent): void {
    log.push({ seq: ++seq, event });
    // The follower's subscription begins after this position.
    if (seq <= startsAt) received = log.length;
  }

  function decide({ i = "", id = "", n = 0, state }: Step): void {
    const { decided, unstored, isAlive } = owner(i);
    if (!isAlive) return;
    const queue = unstored.get(id) ?? [];
    unstored.set(id, queue);
    if (n === 0) {
      if (!decided.delete(id)) return;
      queue.push({ type: "leave", i, id });
      return;
    }
    const contribution = { i, id, n, at: ++time, ...(state !== null && { state }) };
    queue.push({ type: decided.has(id) ? "update" : "join", ...contribution });
    decided.set(id, contribution);
  }

  function store({ i = "", pick = 0 }: Step): void {
    const { unstored } = owner(i);
    const queues = [...unstored.values()].filter((queue) => queue.length > 0);
    const event = queues[pick % queues.length]?.shift();
    if (event) append(event);
  }

  function answer({ i = "", pick = 0 }: Step): void {
    const at = questions[pick % questions.length];
    const { decided, isAlive } = owner(i);
    if (at === undefined || !isAlive) return;
    answers.push({ i, at, contributions: [...decided.values()] });
  }

  function receive({ pick = 0 }: Step): void {
    for (let count = pick % 4; count >= 0; count--) {
      const next = log[received];
      if (!next) return;
      received++;
      applyEvent(fold, next.event, next.seq);
    }
  }

  const steps: Record<string, (step: Step) => void> = {
    decide,
    store,
    answer,
    receive,
    ask: () => {
      if (hasStarted()) questions.push(++seq);
    },
    die: ({ i = "" }) => {
      owner(i).isAlive = false;
    },
    reap: () => {
      for (const [i, { isAlive }] of owners) if (!isAlive) append({ type: "gone", i });
    },
    "receive-answer": ({ pick = 0 }) => {
      const statement = answers[pick % answers.length];
      if (statement) applyStatement(fold, statement);
    },
    repeat: ({ pick = 0 }) => {
      if (received === 0) return;
      const { event, seq: at } = log[pick % received] as StoredEvent;
      applyEvent(fold, event, at);
    },
  };

  return {
    fold,
    log,
    step: (step: Step) => steps[step.type]?.(step),
    /** Everything is stored, everybody alive has answered, and everything has arrived. */
    settle() {
      while (!hasStarted()) append({ type: "leave", i: "zz", id: "nobody" });
      const question = ++seq;
      for (const [i, { isAlive, decided }] of owners) {
        if (isAlive) answers.push({ i, at: question, contributions: [...decided.values()] });
      }
      for (const [i, { unstored }] of owners) {
        for (const queue of unstored.values())
          while (queue.length > 0) store({ type: "store", i, pick: 0 });
      }
      for (const [i, { isAlive }] of owners) if (!isAlive) append({ type: "gone", i });
      const half = Math.floor(answers.length / 2);
      for (const statement of answers.slice(half)) applyStatement(fold, statement);
      while (received < log.length) receive({ type: "receive", pick: 3 });
      for (const statement of answers) applyStatement(fold, statement);
      endSync(fold);
    },
    expected(): Contribution[] {
      return [...owners.values()]
        .filter(({ isAlive }) => isAlive)
        .flatMap(({ decided }) => [...decided.values()]);
    },
  };
}

test("any interleaving of events, answers, repetitions and deaths ends with the union of what live instances contribute", () => {
  fc.assert(
    fc.property(fc.nat({ max: 12 }), fc.array(anyStep, { maxLength: 80 }), (startsAt, steps) => {
      const world = createWorld(startsAt);
      for (const step of steps) world.step(step);
      world.settle();
      expect(sorted(allContributions(world.fold))).toEqual(sorted(world.expected()));
      for (const id of ids) {
        expect(memberOf(world.fold, id)).toEqual(fresh(world.expected(), id));
      }
    }),
    { numRuns: runs },
  );
});

test("a set that is sent to a client, and the events after it, end with what the server has", () => {
  fc.assert(
    fc.property(
      fc.array(anyStep, { maxLength: 60 }),
      fc.array(anyStep, { maxLength: 60 }),
      (before, after) => {
        const world = createWorld(0);
        for (const step of before) world.step(step);
        const client = createFold();
        replaceAll(client, [...allContributions(world.fold)], world.fold.after);
        for (const step of after) world.step(step);
        world.settle();
        // The client receives every event of the log, and ignores those that are part of the set.
        for (const { event, seq } of world.log) applyEvent(client, event, seq);
        expect(sorted(allContributions(client))).toEqual(sorted(allContributions(world.fold)));
      },
    ),
    { numRuns: runs },
  );
});

test("a member is on several instances at once, with one count", () => {
  const fold = createFold();
  join(fold, 1, { i: "a1", id: "ann", n: 2, at: 1 });
  join(fold, 2, { i: "b2", id: "ann", n: 1, at: 2 });
  expect(memberOf(fold, "ann")).toEqual({ id: "ann", count: 3 });
  applyEvent(fold, { type: "leave", i: "a1", id: "ann" }, 3);
  expect(memberOf(fold, "ann")).toEqual({ id: "ann", count: 1 });
  applyEvent(fold, { type: "leave", i: "b2", id: "ann" }, 4);
  expect(memberOf(fold, "ann")).toBeUndefined();
});

test("the state that was set last counts, until its stream has left", () => {
  const fold = createFold();
  join(fold, 1, { i: "a1", id: "ann", n: 1, at: 10, state: "old" });
  join(fold, 2, { i: "b2", id: "ann", n: 1, at: 20, state: "new" });
  join(fold, 3, { i: "c3", id: "ann", n: 1, at: 30 });
  expect(memberOf(fold, "ann")).toEqual({ id: "ann", count: 3, state: "new" });
  applyEvent(fold, { type: "leave", i: "b2", id: "ann" }, 4);
  expect(memberOf(fold, "ann")).toEqual({ id: "ann", count: 2, state: "old" });
});

test("an answer does not bring back who has left after the question", () => {
  const fold = createFold();
  beginSync(fold);
  applyEvent(fold, { type: "leave", i: "a1", id: "ann" }, 7);
  const contributions = [{ i: "a1", id: "ann", n: 1, at: 1 }];
  applyStatement(fold, { i: "a1", at: 5, contributions });
  expect(memberOf(fold, "ann")).toBeUndefined();
  endSync(fold);
  expect(fold.members.size).toBe(0);
});

test("nothing that comes from an instance after its end counts", () => {
  const fold = createFold();
  join(fold, 1, { i: "a1", id: "ann", n: 1, at: 1 });
  expect(applyEvent(fold, { type: "gone", i: "a1" }, 2)).toEqual(["ann"]);
  join(fold, 3, { i: "a1", id: "ann", n: 1, at: 1 });
  applyStatement(fold, { i: "a1", at: 4, contributions: [{ i: "a1", id: "bob", n: 1, at: 1 }] });
  expect([...allContributions(fold)]).toEqual([]);
});

test("after a loss, what is known stays until its instance has answered", () => {
  const fold = createFold();
  join(fold, 1000, { i: "a1", id: "ann", n: 1, at: 1 });
  join(fold, 1001, { i: "b2", id: "bob", n: 1, at: 1 });
  // The log has restarted: its positions begin again.
  startOver(fold, 0);
  beginSync(fold);
  expect(memberOf(fold, "ann")).toBeDefined();
  applyStatement(fold, { i: "a1", at: 3, contributions: [{ i: "a1", id: "cem", n: 1, at: 1 }] });
  expect(sorted(allContributions(fold)).map(({ id }) => id)).toEqual(["cem", "bob"]);
});

test("a channel holds a limited number of members, and of gone instances", () => {
  const fold = createFold(0, 2);
  for (const [seq, id] of ["ann", "bob", "cem"].entries()) {
    join(fold, seq + 1, { i: "a1", id, n: 1, at: 1 });
  }
  expect(fold.members.size).toBe(2);
  expect(fold.isFull).toBe(true);
  for (let seq = 10; seq < 3000; seq++) applyEvent(fold, { type: "gone", i: `x${seq}` }, seq);
  expect(fold.gone.size).toBeLessThanOrEqual(1000);
});

function join(fold: PresenceFold, seq: number, contribution: Contribution): void {
  applyEvent(fold, { type: "join", ...contribution }, seq);
}

function sorted(contributions: Iterable<Contribution>): Contribution[] {
  const key = ({ i, id }: Contribution): string => `${i} ${id}`;
  return [...contributions].toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** What a fold that saw only the result has. */
function fresh(contributions: readonly Contribution[], id: string): Member | undefined {
  const fold = createFold();
  for (const [index, contribution] of contributions.entries()) {
    join(fold, index + 1, contribution);
  }
  return memberOf(fold, id);
}
