/** Figures by the names in the report. */
export type Figures = Record<string, number>;

/** The subject of figures: a server under test, or the core alone. */
export interface Subject {
  readonly name: string;
  readonly title: string;
  readonly isOurs?: boolean;
  /** What is missing on this machine, if anything. */
  missing?(): string | undefined;
}

/** The amount of work. */
export interface Scale {
  /** Seconds of a measured stretch of messages. */
  readonly stretchSeconds: number;
  /** Seconds of messages at a steady rate. */
  readonly rateSeconds: number;
  /** Only enough to detect large errors. */
  readonly isQuick: boolean;
  /** The share of the readers: less than 1 only to try the benchmark. */
  readonly share: number;
}
