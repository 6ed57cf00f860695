import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * How long the machine itself kept this process waiting: for a processor, by timers that fire late, and
 * for the disk, by small writes. Nothing of the product is part of it, so a bound of the product may be
 * extended by it.
 */
export interface MachineStalls extends AsyncDisposable {
  /** All of it between two times of `performance.now()`, in ms. */
  between(start: number, end: number): number;
  /** The longest one so far, in ms. */
  readonly longestMs: number;
}

interface Stall {
  readonly start: number;
  readonly end: number;
}

const EVERY_MS = 50;
/** A timer that fires this late, and a write that takes this long, are usual. */
const USUAL_MS = 25;
const WRITE_EVERY_MS = 500;

export async function watchMachine(): Promise<MachineStalls> {
  const folder = await mkdtemp(join(tmpdir(), "machine-stalls-"));
  const file = await open(join(folder, "probe"), "w");
  const stalls: Stall[] = [];
  let longestMs = 0;
  let lastTick = performance.now();
  let writing: Promise<void> | undefined;

  function note(start: number, end: number): void {
    if (end - start <= USUAL_MS) return;
    stalls.push({ start, end });
    longestMs = Math.max(longestMs, end - start);
  }

  async function write(): Promise<void> {
    const start = performance.now();
    await file.write("x", 0);
    await file.sync();
    note(start, performance.now());
  }

  const ticks = setInterval(() => {
    const now = performance.now();
    note(lastTick + EVERY_MS, now);
    lastTick = now;
  }, EVERY_MS);
  const writes = setInterval(() => {
    writing ??= write().finally(() => (writing = undefined));
  }, WRITE_EVERY_MS);

  return {
    between(start, end) {
      let total = 0;
      let until = start;
      for (const each of stalls.toSorted((a, b) => a.start - b.start)) {
        const from = Math.max(until, each.start);
        const to = Math.min(end, each.end);
        if (to <= from) continue;
        total += to - from;
        until = to;
      }
      return total;
    },
    get longestMs() {
      return longestMs;
    },
    async [Symbol.asyncDispose]() {
      clearInterval(ticks);
      clearInterval(writes);
      await writing;
      await file.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
