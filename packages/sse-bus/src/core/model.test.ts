import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  createWorld,
  type Process,
  type World,
  type WorldOptions,
} from "../../test/support/model/world.ts";
import { sweepStore } from "./log-store.ts";
import type { Start } from "./open-reader.ts";
import { pingReaders } from "./ping.ts";

/**
 * Random schedules of everything that can happen to a bus, against a simple model: everything that was
 * ever published, and what each client must receive of it (test/support/model).
 *
 * SSE_BUS_MODEL_RUNS=20000 for a long run; SSE_BUS_MODEL_SEED to repeat one.
 */
const RUNS = Number(process.env.SSE_BUS_MODEL_RUNS ?? 500);
const SEED = Number(process.env.SSE_BUS_MODEL_SEED ?? 0) || Math.trunc(Math.random() * 2 ** 31);

const CHANNELS = ["a/1", "a/2", "b"];
const TOPICS = [
  ["a/1"],
  ["a/1"],
  ["b"],
  ["a/1", "b"],
  ["a/1", "b"],
  ["a/*"],
  ["**"],
  ["a/1", "a/*"],
  ["a/2", "**"],
  ["a/1", "a/2", "b"],
];
const MAX_VISITORS = 7;

const OPERATIONS = {
  publish: 16,
  burst: 5,
  batch: 3,
  connect: 7,
  resume: 7,
  cut: 5,
  read: 5,
  give: 8,
  ping: 3,
  turn: 16,
  microtasks: 3,
  deliver: 6,
  reply: 6,
  age: 1,
  reopen: 1,
  loseData: 1,
  notice: 1,
  cutNetwork: 1,
  restoreNetwork: 2,
  trim: 1,
} as const;
type Operation = keyof typeof OPERATIONS;

interface Step {
  readonly do: Operation;
  /** Chooses among the given items. */
  readonly pick: number;
  readonly also: number;
  readonly size: number;
}

const anyStep: fc.Arbitrary<Step> = fc.record({
  do: fc.oneof(
    ...Object.entries(OPERATIONS).map(([name, weight]) => ({
      weight,
      arbitrary: fc.constant(name as Operation),
    })),
  ),
  pick: fc.nat({ max: 1000 }),
  also: fc.nat({ max: 1000 }),
  size: fc.nat({ max: 200 }),
});

const tight = { maxMessages: 4, maxAgeMs: 10_000 };
const anyWorld: fc.Arbitrary<WorldOptions> = fc.record({
  kind: fc.constantFrom("memory", "lagging"),
  buses: fc.integer({ min: 1, max: 3 }),
  history: fc.constantFrom(
    { maxMessages: 0 },
    { maxMessages: 1 },
    tight,
    { ...tight, channels: { "a/1": { maxMessages: 1 }, b: { maxMessages: 20 } } },
    { maxMessages: 1000, maxBytes: 1500 },
    { maxMessages: 1000 },
  ),
  maxHistoryBytes: fc.constantFrom(3000, 6000, 1_000_000),
  isGenerous: fc.constant(false),
  maxReplayBytes: fc.constantFrom(undefined, undefined, 600, 2000),
  isHeld: fc.boolean(),
});
const anyGenerousWorld = anyWorld.map((options) => ({
  ...options,
  history: { maxMessages: 1_000_000, maxBytes: 1e9, maxAgeMs: 1e12 },
  maxHistoryBytes: 1e9,
  isGenerous: true,
  maxReplayBytes: undefined,
  isHeld: true,
}));
const anySchedule = fc.array(anyStep, { minLength: 10, maxLength: 120, size: "max" });

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

describe(`seed ${SEED}`, () => {
  const options = { seed: SEED, numRuns: Math.ceil(RUNS / 2) };
  const timeout = 60_000 + RUNS * 60;

  test(
    "no schedule loses a message without a gap, duplicates or reorders one, or leaks anything",
    async () => {
      await fc.assert(fc.asyncProperty(anyWorld, anySchedule, runSchedule), options);
    },
    timeout,
  );

  test(
    "if history keeps everything, there are no gaps and every cursor resumes exactly",
    async () => {
      const property = fc.asyncProperty(anyGenerousWorld, anySchedule, runSchedule);
      await fc.assert(property, { ...options, seed: SEED + 1 });
    },
    timeout,
  );
});

async function runSchedule(options: WorldOptions, schedule: readonly Step[]): Promise<void> {
  const world = createWorld(options);
  try {
    for (const step of schedule) await operations[step.do](world, step);
    await world.finish();
    expect(world.visitors.every(({ client }) => client.owed.length === 0)).toBe(true);
  } finally {
    await Promise.all(world.processes.map(async ({ bus }) => bus.close()));
  }
}

function pickOf<T>(all: readonly T[], pick: number): T | undefined {
  return all[pick % Math.max(1, all.length)];
}

function processOf({ processes }: World, pick: number): Process {
  return processes[pick % processes.length] as Process;
}

function publishOne(world: World, { pick, also, size }: Step): void {
  const key = also % 2 === 0 ? `k${also % 3}` : undefined;
  const channel = CHANNELS[pick % CHANNELS.length] as string;
  const data = { pick, text: "x".repeat(size) };
  if (also % 5 === 4) world.side.publish({ channel, key, json: JSON.stringify(data) });
  else world.publish(processOf(world, also), data, { channel, key });
}

function startOf({ truth, side }: World, { also, size }: Step): Start {
  const epochs = [...truth.epochs];
  const [epoch, messages] = pickOf(epochs, also) ?? ["none", []];
  const seq = pickOf(messages, size)?.seq ?? 0;
  const starts: Start[] = [
    "now",
    "now",
    "earliest",
    "latest",
    "earliest",
    "latest",
    { cursor: `${seq.toString(36)}-1-${epoch}` },
    { cursor: `${seq.toString(36)}-1-${epoch}` },
    { cursor: `${seq.toString(36)}-1-${epoch}@a/1` },
    { cursor: `${Math.max(0, truth.head(side.epoch) - (size % 5)).toString(36)}-1-${side.epoch}` },
    { cursor: `${Math.max(0, truth.head(side.epoch) - (size % 5)).toString(36)}-1-${side.epoch}` },
    { cursor: `0-1-${side.epoch}` },
    { cursor: `${(truth.head(side.epoch) + 3).toString(36)}-1-${side.epoch}` },
    { cursor: "garbage" },
  ];
  return pickOf(starts, also + size) as Start;
}

function streamOptionsOf({ pick, also }: Step): {
  capacity: number;
  isLocal: boolean;
  isCompressed: boolean;
  breaksAt: number;
} {
  const isLocal = also % 5 === 0;
  // Several streams are compressed more often than not, so that they share windows.
  const isCompressed = !isLocal && also % 5 > 1;
  const breaksAt = pick % 11 === 0 ? 1 + (also % 4) : 0;
  const capacity = isLocal || pick % 3 === 0 ? Number.POSITIVE_INFINITY : pick % 3;
  return { capacity, isLocal, isCompressed, breaksAt };
}

const operations: Record<Operation, (world: World, step: Step) => void | Promise<void>> = {
  publish: publishOne,
  burst(world, step) {
    const large = step.size > 180 ? 30_000 : step.size;
    for (let n = 0; n < 2 + (step.also % 8); n++) {
      publishOne(world, {
        ...step,
        pick: step.pick + (step.also % 2) * n,
        also: step.also + n,
        size: large,
      });
    }
  },
  batch(world, { pick, also, size }) {
    const messages = Array.from({ length: 1 + (size % 12) }, (_, n) => ({
      data: { pick, text: "x".repeat(size) },
      channel: CHANNELS[(pick + (also % 2) * n) % CHANNELS.length] as string,
      key: (also + n) % 2 === 0 ? `k${(also + n) % 3}` : undefined,
    }));
    world.publishMany(processOf(world, also), messages);
  },
  connect(world, step) {
    if (world.visitors.length >= MAX_VISITORS) return operations.resume(world, step);
    const topics = pickOf(TOPICS, step.pick + step.size) as string[];
    world.connect(processOf(world, step.pick), topics, {
      start: startOf(world, step),
      ...streamOptionsOf(step),
    });
  },
  resume(world, step) {
    const closed = world.visitors.filter(({ stream }) => stream.state === "closed");
    const visitor = pickOf(closed, step.pick) ?? pickOf(world.visitors, step.pick);
    if (visitor) world.resume(visitor, processOf(world, step.also), streamOptionsOf(step));
  },
  cut(world, { pick, also }) {
    const visitor = pickOf(world.visitors, pick);
    if (!visitor) return;
    // It may have read more before the connection broke.
    world.read(visitor, also % 4);
    visitor.stream.cut();
    visitor.stream.waiting.length = 0;
  },
  read(world, { pick, also }) {
    const visitor = pickOf(world.visitors, pick);
    if (visitor) world.read(visitor, also % 3 === 0 ? Number.POSITIVE_INFINITY : 1 + (also % 4));
  },
  give({ visitors }, { pick, also }) {
    pickOf(visitors, pick)?.stream.give(also % 4 === 0 ? Number.POSITIVE_INFINITY : 1 + (also % 3));
  },
  ping(world, { pick }) {
    const { engine } = processOf(world, pick);
    if (engine.lifecycle.state === "open") pingReaders(engine, engine.readers);
  },
  async turn(world, { also }) {
    if (also % 2 === 0) {
      for (const { network } of world.processes) {
        network?.deliver();
        while (network && network.replies > 0) await network.reply();
      }
    }
    await world.turn();
    for (const visitor of world.visitors) {
      if (visitor.stream.isFast && also % 3 > 0) world.read(visitor, Number.POSITIVE_INFINITY);
    }
  },
  async microtasks(_, { also }) {
    for (let n = 0; n < also % 7; n++) await Promise.resolve();
  },
  deliver(world, { pick, also }) {
    processOf(world, pick).network?.deliver(
      also % 3 === 0 ? Number.POSITIVE_INFINITY : 1 + (also % 3),
    );
  },
  async reply(world, { pick, also }) {
    const { network } = processOf(world, pick);
    if (network && network.replies > 0) await network.reply(also % network.replies);
  },
  age({ processes, options }, { size }) {
    if (options.isGenerous) return;
    vi.setSystemTime(Date.now() + size * 100);
    for (const { engine } of processes) sweepStore(engine.store, Date.now());
  },
  reopen(world, { pick }) {
    world.reopen(pick % world.processes.length);
  },
  loseData(world, { pick }) {
    world.loseData();
    for (const [index, { network }] of world.processes.entries()) {
      if ((pick + index) % 3 > 0) network?.notice();
    }
  },
  notice: (world, { pick }) => processOf(world, pick).network?.notice(),
  cutNetwork(world, { pick }) {
    processOf(world, pick).network?.cut();
    forgive(world);
  },
  restoreNetwork(world, { pick }) {
    forgive(world);
    processOf(world, pick).network?.restore();
  },
  trim({ side, truth, options }, { also }) {
    if (!options.isGenerous) side.trim(Math.max(0, truth.head(side.epoch) - (also % 4)));
  },
};

/** After an outage, even a reader that kept up may have lost something. */
function forgive({ visitors }: World): void {
  for (const { client } of visitors) client.strictFrom = undefined;
}
