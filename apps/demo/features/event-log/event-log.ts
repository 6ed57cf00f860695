import { throttle } from "../../lib/throttle";

export interface LogEntry {
  /** For React's `key`: unlike an id, never empty and never twice. */
  readonly key: number | string;
  /** When this browser received it, in ms since 1970. */
  readonly time: number;
  readonly event: string;
  readonly id: string;
  /** The text as it came. It is shown, never parsed into markup. */
  readonly data: string;
  /** Came in a crowd: it is not worth drawing the eye to, nor the cost of an animation. */
  readonly crowded?: boolean;
}

export interface LogSnapshot {
  /** Newest first, at most `maxRows`. */
  readonly rows: readonly LogEntry[];
  /** All that ever came, cleared or dropped ones too. */
  readonly total: number;
  /** Came while paused, not shown yet. */
  readonly held: number;
  readonly paused: boolean;
}

/** More than these in one interval are a crowd. */
const crowdSize = 3;

/** What the server renders, where no event has come yet. */
export const emptyLog: LogSnapshot = { rows: [], total: 0, held: 0, paused: false };

/**
 * Keeps the newest events for `useSyncExternalStore`. Its size is bounded and it notifies at most
 * once every `intervalMs`, so that a flood of events costs the page no more than a trickle.
 */
export function createEventLog({ maxRows = 200, intervalMs = 100 } = {}) {
  const listeners = new Set<() => void>();
  const notify = throttle(publish, intervalMs);
  let snapshot = emptyLog;
  let waiting: LogEntry[] = [];
  let total = 0;
  let shown = 0;
  let paused = false;

  function publish(): void {
    let { rows } = snapshot;
    if (!paused && waiting.length > 0) {
      const crowded = waiting.length > crowdSize;
      const fresh = waiting.map((entry) => ({ ...entry, crowded }));
      rows = [...fresh.toReversed(), ...rows].slice(0, maxRows);
      waiting = [];
      shown = total;
    }
    snapshot = { rows, total, held: total - shown, paused };
    for (const listener of listeners) listener();
  }

  return {
    subscribe: (listener: () => void): (() => void) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) notify.cancel();
      };
    },
    getSnapshot: (): LogSnapshot => snapshot,

    append: (entry: Omit<LogEntry, "key">): void => {
      total += 1;
      waiting.push({ ...entry, key: total });
      // Twice the rows, then cut: shifting one by one would cost O(rows) for each event of a flood.
      if (waiting.length > maxRows * 2) waiting = waiting.slice(-maxRows);
      notify.request();
    },

    clear: (): void => {
      waiting = [];
      shown = total;
      snapshot = { ...snapshot, rows: [] };
      publish();
    },

    setPaused: (value: boolean): void => {
      paused = value;
      publish();
    },
  };
}
