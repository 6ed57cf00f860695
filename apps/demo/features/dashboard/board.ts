import type { PublishedReading } from "./feed";

/** Points of a sparkline. With `pointMs`, ten seconds. */
const maxPoints = 100;
const pointMs = 100;
const lagMemory = 0.98;

export interface Series {
  value: number | undefined;
  run: number;
  count: number;
  /** The difference from the value before. */
  change: number;
  /** Oldest first; at most `maxPoints`, at least `pointMs` apart. */
  readonly values: number[];
  readonly times: number[];
  isDirty: boolean;
  paintedAt: number;
}

export interface BoardCounts {
  received: number;
  /** Superseded before this page read them. */
  skipped: number;
  /** From publish to this page, in ms, smoothed. */
  lagMs: number;
}

/** The newest values of every sensor, outside of React: a reading costs a few assignments and no render. */
export interface Board {
  readonly counts: BoardCounts;
  readonly series: ReadonlyMap<string, Series>;
  put(reading: PublishedReading, publishedAt: number): void;
}

export function createBoard(ids: readonly string[], initial: readonly PublishedReading[]): Board {
  const series = new Map(ids.map((id) => [id, createSeries()]));
  const counts: BoardCounts = { received: 0, skipped: 0, lagMs: 0 };
  for (const { id, value, run, count } of initial) {
    Object.assign(series.get(id) ?? {}, { value, run, count });
  }

  return {
    counts,
    series,
    put({ id, value, run, count }, publishedAt) {
      const one = series.get(id);
      if (!one) return;
      // A new producer counts from one, so skipped readings cannot be counted.
      if (one.run === run) counts.skipped += count - one.count - 1;
      counts.received++;
      const now = Date.now();
      const lag = Math.max(0, now - publishedAt);
      counts.lagMs = counts.received === 1 ? lag : counts.lagMs * lagMemory + lag * (1 - lagMemory);
      one.change = one.value === undefined ? 0 : value - one.value;
      one.value = value;
      one.run = run;
      one.count = count;
      one.isDirty = true;
      addPoint(one, value, now);
    },
  };
}

function addPoint({ values, times }: Series, value: number, now: number): void {
  const last = times.length - 1;
  if (last >= 0 && now - (times[last] as number) < pointMs) {
    values[last] = value;
    return;
  }
  values.push(value);
  times.push(now);
  if (values.length > maxPoints) {
    values.shift();
    times.shift();
  }
}

function createSeries(): Series {
  return {
    value: undefined,
    run: 0,
    count: 0,
    change: 0,
    values: [],
    times: [],
    isDirty: false,
    paintedAt: 0,
  };
}
