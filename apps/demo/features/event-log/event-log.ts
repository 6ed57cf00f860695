import { throttle } from "./throttle";

export interface LogEntry {
  /** For React's `key`: unlike an id, unique and never empty. */
  readonly key: number | string;
  /** When this browser received it, in ms since 1970. */
  readonly time: number;
  readonly event: string;
  readonly id: string;
  /** Shown as text, never parsed as markup. */
  readonly data: string;
  /** Part of a burst: shown without an animation. */
  readonly crowded?: boolean;
}

export interface LogSnapshot {
  /** Newest first, at most `maxRows`. */
  readonly rows: readonly LogEntry[];
  /** All events received, including cleared and dropped ones. */
  readonly total: number;
  /** Received while paused, not shown yet. */
  readonly held: number;
  readonly paused: boolean;
}

/** More events than this in one interval are a burst. */
const crowdSize = 3;

/** The snapshot that the server renders. */
export const emptyLog: LogSnapshot = { rows: [], total: 0, held: 0, paused: false };

/**
 * Keeps the newest events for `useSyncExternalStore`. Its size is bounded, and it notifies at most
 * once every `intervalMs`, so that a burst does not slow the page down.
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
      // Trimmed only at twice the size: trimming at each event would cost O(rows) per event.
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
