import { figuresOf, type Results } from "./results.ts";
import { median } from "./statistics.ts";

interface Place {
  readonly workload: string;
  readonly subject: string;
  readonly figure: string;
}

/** A figure of sse-bus compared with a peer's, both of one run. */
interface Target {
  readonly title: string;
  readonly ours: Place;
  readonly peer: Place;
  readonly bound: "at least" | "at most";
  readonly ratio: number;
}

export interface Outcome {
  readonly title: string;
  readonly bound: string;
  /** The median of the rounds' ratios; `undefined` if either is missing. */
  readonly ratio: number | undefined;
  /** For rates: the same by CPU time, which other processes affect less. Not the target. */
  readonly byCpu: number | undefined;
  readonly rounds: number;
  readonly isMet: boolean | undefined;
}

export function outcomes(results: Results): Outcome[] {
  return TARGETS.map(({ title, ours, peer, bound, ratio }) => {
    const ratios = ratiosOf(results, ours, peer);
    const measured = ratios.length > 0 ? median(ratios) : undefined;
    const isMet =
      measured === undefined
        ? undefined
        : bound === "at least"
          ? measured >= ratio
          : measured <= ratio;
    return {
      title,
      bound: `${bound === "at least" ? "≥" : "≤"} ${ratio} ×`,
      ratio: measured,
      byCpu: ours.figure.endsWith("Rate") ? cpuRatio(results, ours, peer) : undefined,
      rounds: ratios.length,
      isMet,
    };
  });
}

function cpuRatio(results: Results, ours: Place, peer: Place): number | undefined {
  const cpu = (place: Place): Place => ({
    ...place,
    figure: place.figure.replace("Rate", "CpuUs"),
  });
  // Inverted: less is better.
  const ratios = ratiosOf(results, cpu(peer), cpu(ours));
  return ratios.length > 0 ? median(ratios) : undefined;
}

/** Round by round, because the machine's speed changes over time. */
function ratiosOf(results: Results, ours: Place, peer: Place): number[] {
  const theirs = new Map(
    figuresOf(results, peer.workload, peer.subject).map(({ round, figures }) => [round, figures]),
  );
  return figuresOf(results, ours.workload, ours.subject).flatMap(({ round, figures }) => {
    const own = figures[ours.figure];
    const other = theirs.get(round)?.[peer.figure];
    return own === undefined || !other ? [] : [own / other];
  });
}

function compare(
  title: string,
  { workload, figure, subjects }: Omit<Place, "subject"> & { readonly subjects: [string, string] },
  [bound, ratio]: [Target["bound"], number],
): Target {
  const [subject, other] = subjects;
  return {
    title,
    ours: { workload, subject, figure },
    peer: { workload, subject: other, figure },
    bound,
    ratio,
  };
}

const FAN_OUT = "fan-out-1000";
const IDLE = "idle-2000";

const TARGETS: readonly Target[] = [
  compare(
    "Next route, single messages, vs naive Next route",
    { workload: FAN_OUT, figure: "singleRate", subjects: ["next-direct", "next-naive"] },
    ["at least", 4.5],
  ),
  compare(
    "Next route, single messages, vs nchan (1 worker)",
    { workload: FAN_OUT, figure: "singleRate", subjects: ["next-direct", "nchan"] },
    ["at least", 1.05],
  ),
  compare(
    "Next route, bursts of 10, vs naive Next route",
    { workload: FAN_OUT, figure: "burst10Rate", subjects: ["next-direct", "next-naive"] },
    ["at least", 28],
  ),
  compare(
    "Next route, 5,000 readers, single messages, vs naive Next route",
    { workload: "fan-out-5000", figure: "singleRate", subjects: ["next-direct", "next-naive"] },
    ["at least", 6],
  ),
  compare(
    "hub, single messages, vs bare C send() loop",
    { workload: FAN_OUT, figure: "singleRate", subjects: ["hub", "c-send"] },
    ["at least", 0.65],
  ),
  compare(
    "hub, single messages, vs nchan",
    { workload: FAN_OUT, figure: "singleRate", subjects: ["hub", "nchan"] },
    ["at least", 1.2],
  ),
  compare(
    "hub, bursts of 10, vs better-sse",
    { workload: FAN_OUT, figure: "burst10Rate", subjects: ["hub", "better-sse"] },
    ["at least", 7],
  ),
  compare(
    "hub, KB (RSS) per idle connection, vs nchan",
    { workload: IDLE, figure: "rssKb", subjects: ["hub", "nchan"] },
    ["at most", 1],
  ),
  compare(
    "Next route, KB (RSS) per idle connection, vs naive Next route",
    { workload: IDLE, figure: "rssKb", subjects: ["next-direct", "next-naive"] },
    ["at most", 0.5],
  ),
  compare(
    "Next route, CPU per connect, vs naive Next route",
    { workload: IDLE, figure: "connectCpuUs", subjects: ["next-direct", "next-naive"] },
    ["at most", 1],
  ),
  compare(
    "hub, CPU per connect, vs better-sse",
    { workload: IDLE, figure: "connectCpuUs", subjects: ["hub", "better-sse"] },
    ["at most", 0.5],
  ),
  compare(
    "Next route, p99 at 10 messages/s to 1,000 readers, vs naive Next route",
    { workload: FAN_OUT, figure: "p99Ms", subjects: ["next-direct", "next-naive"] },
    ["at most", 0.5],
  ),
  {
    title: "publish to 1 of 100,000 channels vs 1 of 10",
    ours: { workload: "micro", subject: "core", figure: "publishOneOf100000Us" },
    peer: { workload: "micro", subject: "core", figure: "publishOneOf10Us" },
    bound: "at most",
    ratio: 1.2,
  },
];
