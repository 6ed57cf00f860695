/** One second of one machine. `null`: not available on this system. */
export interface Sample {
  host: string;
  /** In ms since 1970. */
  time: number;
  /** Percent, by core. */
  cores: number[];
  /** Load averages over 1, 5 and 15 minutes. */
  load: number[];
  /** Bytes. */
  memory: { used: number; total: number; process: number };
  /** Event-loop delay of this process, in ms. */
  eventLoop: { p50: number; p99: number };
  /** Bytes per second. */
  disk: { read: number | null; written: number | null };
  /** Bytes per second, without loopback. */
  network: { received: number | null; sent: number | null };
}

/** A line that the app wrote to its console. */
export interface LogLine {
  host: string;
  level: LogLevel;
  text: string;
  /** When it was written, in ms since 1970. */
  time: number;
}

export const logLevels = ["error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Two minutes of charts. */
export const keptSamples = 120;
/** Lines of the log that a page shows. */
export const keptLines = 500;
export const maxTextLength = 2_000;
/** The most machines that a page keeps. */
const keptHosts = 32;

/** A line in a list. */
export interface ShownLine extends LogLine {
  /** The position of its message. */
  id: string;
}

export interface LogState {
  /** All lines that were folded. */
  count: number;
  last: readonly ShownLine[];
}

/** Samples by host, oldest first. */
export type SamplesByHost = Record<string, Sample[]>;

/**
 * Adds a sample, published at `time`, and drops old samples and hosts without one for a minute. Uses the
 * log's time: a host whose clock is ahead must not remove the others.
 */
export function addSample(all: SamplesByHost, received: Sample, time: number): SamplesByHost {
  const sample = { ...received, time };
  const next: SamplesByHost = {};
  for (const [host, samples] of Object.entries(all)) {
    if (sample.time - (samples.at(-1)?.time ?? 0) < 60_000) next[host] = samples;
  }
  const own = [...(next[sample.host] ?? []), sample].slice(-keptSamples);
  delete next[sample.host];
  const others = Object.entries(next).slice(1 - keptHosts);
  return { ...Object.fromEntries(others), [sample.host]: own };
}
