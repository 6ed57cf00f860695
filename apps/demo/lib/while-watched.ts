import { bus } from "./sse-bus";
import { perProcess } from "./per-process";
import { watchReaders } from "./readers";

/** A page that was rendered has a moment to connect, a line that was cut to come back. */
const graceMs = 10_000;
/** Other instances hear this often that somebody looks here. */
const beatMs = 3_000;

interface Watch {
  start: () => () => void;
  look: () => void;
}

/**
 * Runs `start` while anybody reads channels under `prefix`, on this instance or, through the bus, on
 * another one; what it returns stops it. It never runs at build time and never holds the process.
 */
export function whileWatched(prefix: string, start: () => () => void): void {
  const watches = perProcess("watches", () => new Map<string, Watch>());
  const known = watches.get(prefix);
  // Hot reload brings new code: it is used from the next start on.
  if (known) known.start = start;
  else watches.set(prefix, createWatch(prefix, start));
}

/** Somebody is about to: a page is being rendered. */
export function lookAt(prefix: string): void {
  perProcess("watches", () => new Map<string, Watch>())
    .get(prefix)
    ?.look();
}

function createWatch(prefix: string, start: () => () => void): Watch {
  const demand = `${prefix}demand`;
  const isShared = bus.stats().backend !== "memory";
  let readers = 0;
  let stop: (() => void) | undefined;
  let ending: NodeJS.Timeout | undefined;

  const watch: Watch = { start, look };

  function look(): void {
    stop ??= watch.start();
    ending ??= setTimeout(end, graceMs).unref();
    ending.refresh();
  }

  function end(): void {
    ending = undefined;
    if (readers > 0) return look();
    stop?.();
    stop = undefined;
  }

  watchReaders(prefix, (count) => {
    readers = count;
    look();
    tell();
  });
  function tell(): void {
    if (isShared && readers > 0) bus.publish({}, { channel: demand, key: "demand" }).catch(ignore);
  }
  if (isShared) {
    setInterval(tell, beatMs).unref();
    bus.subscribe(look, { channel: demand, onGap: ignore });
  }
  return watch;
}

/** The bus reports its own troubles; a beat that is lost is followed by another. */
function ignore(): void {}
