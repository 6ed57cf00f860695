import { SseBusError } from "../core/errors.ts";

/**
 * The shorter ways that rest on what Node.js or Next.js do not document
 * (`src/node/undocumented/README.md`). Without them a stream costs more, and delivers the same.
 */
export type FastPath = "direct-sink" | "host-release" | "take-over" | "fast-lane";

/** Whether a fast path is used by this process. */
export interface FastPathState {
  /** `unused`: nothing asked for it, or its proof has not ended. `off`: its proof failed. */
  readonly status: "unused" | "on" | "off";
  /** Why it is off. */
  readonly reason?: string;
}

/** The state of every fast path. */
export type FastPathStates = Readonly<Record<FastPath, FastPathState>>;

interface Shared {
  readonly states: Record<FastPath, FastPathState>;
  readonly proofs: Map<FastPath, Promise<void>>;
  readonly unreported: Error[];
  report: ((error: Error) => void) | undefined;
}

const FAST_PATHS: unique symbol = Symbol.for("sse-bus.fast-paths");

/** One for all bundles of this process: each would otherwise prove and report for itself. */
function shared(): Shared {
  return ((globalThis as { [FAST_PATHS]?: Shared })[FAST_PATHS] ??= {
    states: {
      "direct-sink": { status: "unused" },
      "host-release": { status: "unused" },
      "take-over": { status: "unused" },
      "fast-lane": { status: "unused" },
    },
    proofs: new Map(),
    unreported: [],
    report: undefined,
  });
}

/** Whether the fast path has proved itself in this process. */
export function isFastPathOn(path: FastPath): boolean {
  return shared().states[path].status === "on";
}

/** A moment of all fast paths, as plain JSON. */
export function fastPathStates(): FastPathStates {
  return { ...shared().states };
}

/** The reasons of those that are off, by name; `undefined` where none is. */
export function fastPathsOff(): Record<string, string> | undefined {
  const off = Object.entries(shared().states).filter(([, { status }]) => status === "off");
  if (off.length === 0) return undefined;
  return Object.fromEntries(off.map(([path, { reason = "" }]) => [path, reason]));
}

/**
 * Runs the proof of a fast path, once in a process, and turns the path on or off. Does not reject.
 */
export async function proveFastPath(path: FastPath, proof: () => Promise<void>): Promise<void> {
  const { proofs } = shared();
  const running = proofs.get(path) ?? decide(path, proof);
  proofs.set(path, running);
  return running;
}

/** From now on the safer way is used, for good. Reported once. */
export function turnOff(path: FastPath, reason: string): void {
  const { states, unreported, report } = shared();
  if (states[path].status === "off") return;
  states[path] = { status: "off", reason };
  const error = new SseBusError(
    "FAST_PATH_OFF",
    `The fast path \`${path}\` is off: ${reason}. ${INSTEAD[path]} No message is lost.`,
  );
  if (report) report(error);
  else unreported.push(error);
}

/** Where it is reported that a fast path is off: what has been found before, and what is found later. */
export function reportFastPaths(report: (error: Error) => void): void {
  const state = shared();
  state.report = report;
  for (const error of state.unreported.splice(0)) report(error);
}

async function decide(path: FastPath, proof: () => Promise<void>): Promise<void> {
  try {
    await proof();
    const { states } = shared();
    if (states[path].status === "unused") states[path] = { status: "on" };
  } catch (error) {
    turnOff(path, (error as Error).message);
  }
}

const INSTEAD: Readonly<Record<FastPath, string>> = {
  "direct-sink": "Streams are written through the response instead, which costs processor time.",
  "host-release": "Next.js keeps its objects for each open stream instead, about 60 KB.",
  "take-over": "The route in Next.js answers streams instead, which makes opening one slower.",
  "fast-lane":
    "node:http reads every request instead, which costs about 3 KB for each open stream.",
};
