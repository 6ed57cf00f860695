import { internalBus } from "./internal-bus";
import { perProcess } from "./per-process";
import { watchReaders } from "./readers";

/** The time for a rendered page to connect, and for a disconnected one to reconnect. */
const graceMs = 10_000;
/** How often an instance announces its readers to the others. */
const announceMs = 3_000;

interface Watch {
  start: () => () => void;
  keepRunning: () => void;
}

/**
 * Runs `start` while channels under `prefix` have readers on any instance; the function that it
 * returns stops it. It never runs at build time and never keeps the process alive.
 */
export function whileWatched(prefix: string, start: () => () => void): void {
  const watches = perProcess("watches", () => new Map<string, Watch>());
  const known = watches.get(prefix);
  // After a hot reload, the next start uses the new code.
  if (known) known.start = start;
  else watches.set(prefix, createWatch(prefix, start));
}

/** Starts early: a page is being rendered and will connect soon. */
export function expectReaders(prefix: string): void {
  perProcess("watches", () => new Map<string, Watch>())
    .get(prefix)
    ?.keepRunning();
}

function createWatch(prefix: string, start: () => () => void): Watch {
  const bus = internalBus();
  const demand = `${prefix}demand`;
  const isShared = bus.stats().backend !== "memory";
  let readers = 0;
  let stop: (() => void) | undefined;
  let ending: NodeJS.Timeout | undefined;

  const watch: Watch = { start, keepRunning };

  function keepRunning(): void {
    stop ??= watch.start();
    ending ??= setTimeout(end, graceMs).unref();
    ending.refresh();
  }

  function end(): void {
    ending = undefined;
    if (readers > 0) return keepRunning();
    stop?.();
    stop = undefined;
  }

  watchReaders(prefix, (count) => {
    readers = count;
    keepRunning();
    announce();
  });
  function announce(): void {
    if (isShared && readers > 0) bus.publish({}, { channel: demand, key: "demand" }).catch(ignore);
  }
  if (isShared) {
    setInterval(announce, announceMs).unref();
    bus.subscribe(keepRunning, { channel: demand, onGap: ignore });
  }
  return watch;
}

/** The bus reports its own errors, and the next announcement follows. */
function ignore(): void {}
