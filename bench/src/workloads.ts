import { fanOut, type FanOutOptions } from "./fan-out.ts";
import { idle } from "./idle.ts";
import { manyChannels } from "./many-channels.ts";
import { measureCore } from "./micro-run.ts";
import { replay } from "./replay.ts";
import { stalledReaders } from "./stalled.ts";
import type { Figures, Scale, Subject } from "./subject.ts";
import { type Variant, variants } from "./variants.ts";

/** A measurement of several subjects, one after the other. */
export interface Workload {
  readonly name: string;
  readonly title: string;
  /** The most rounds: Infinity for what the targets need, less for others to shorten the run. */
  readonly maxRounds: number;
  readonly cases: readonly Case[];
}

export interface Case {
  readonly subject: Subject;
  run(scale: Scale): Promise<Figures>;
}

const CORE: Subject = { name: "core", title: "sse-bus core", isOurs: true };

const ALL = variants.map(({ name }) => name);

/** In the order of a round; workloads of the targets come first. */
export const workloads: readonly Workload[] = [
  fanOutOf(1000, ALL, { batches: [10, 100], hasLatency: true }),
  serverWorkload({
    name: "idle-2000",
    title: "2,000 idle connections",
    maxRounds: Infinity,
    subjects: ["nchan", "better-sse", "hub", "next-naive", "next-direct", "next-takeover"],
    run: (variant, scale) => idle(variant, scale, sized(2000, scale)),
  }),
  fanOutOf(5000, ["hub", "next-naive", "next-direct"], { batches: [10], hasLatency: false }),
  {
    name: "micro",
    title: "The core alone, in process",
    maxRounds: Infinity,
    cases: [{ subject: CORE, run: measureCore }],
  },
  {
    ...fanOutOf(100, ["c-send", "nchan", "better-sse", "hub", "next-naive", "next-direct"], {
      batches: [10, 100],
      hasLatency: false,
    }),
    maxRounds: 3,
  },
  serverWorkload({
    name: "replay-1000",
    title: "Reconnect storm: 1,000 readers, 100 missed messages each",
    maxRounds: 3,
    subjects: ["nchan", "hub", "next-direct"],
    run: (variant, scale) => replay(variant, sized(1000, scale)),
  }),
  serverWorkload({
    name: "stalled-1000",
    title: "1,000 readers, 1 % of them stalled",
    maxRounds: 3,
    subjects: ["raw", "hub", "next-direct"],
    run: (variant, scale) => stalledReaders(variant, scale, sized(1000, scale)),
  }),
  serverWorkload({
    name: "ten-channels-1000",
    title: "1,000 readers of ten channels each, of 1,000",
    maxRounds: 3,
    subjects: ["hub", "next-direct"],
    run(variant, scale) {
      const readers = sized(1000, scale);
      return manyChannels(variant, { readers, channels: readers, channelsPerReader: 10 });
    },
  }),
  serverWorkload({
    name: "channels-10000",
    title: "10,000 channels with one reader each",
    maxRounds: 3,
    subjects: ["hub", "next-direct"],
    run(variant, scale) {
      const readers = sized(10_000, scale);
      return manyChannels(variant, { readers, channels: readers, channelsPerReader: 1 });
    },
  }),
  {
    ...fanOutOf(10_000, ["c-send", "hub", "next-direct"], { batches: [10], hasLatency: false }),
    maxRounds: 3,
  },
];

interface ServerWorkload extends Omit<Workload, "cases"> {
  readonly subjects: readonly string[];
  run(variant: Variant, scale: Scale): Promise<Figures>;
}

function serverWorkload({ subjects, run, ...rest }: ServerWorkload): Workload {
  const chosen = variants.filter(({ name }) => subjects.includes(name));
  const cases = chosen.map((variant) => ({
    subject: variant,
    run: (scale: Scale) => run(variant, scale),
  }));
  return { ...rest, cases };
}

function fanOutOf(
  readers: number,
  subjects: readonly string[],
  options: Omit<FanOutOptions, "readers">,
): Workload {
  return serverWorkload({
    name: `fan-out-${readers}`,
    title: `One message to ${readers.toLocaleString("en")} readers`,
    maxRounds: Infinity,
    subjects,
    run: (variant, scale) => fanOut(variant, scale, { ...options, readers: sized(readers, scale) }),
  });
}

function sized(readers: number, { share }: Scale): number {
  return Math.max(10, Math.round(readers * share));
}
