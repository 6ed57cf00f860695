/** One figure, by a name that the report knows. */
export type Figures = Record<string, number>;

/** What figures are of: a server under test, or the core by itself. */
export interface Subject {
  readonly name: string;
  readonly title: string;
  readonly isOurs?: boolean;
  /** What is missing on this machine, if anything. */
  missing?(): string | undefined;
}

/** How much is done. */
export interface Scale {
  /** Of a stretch of messages that is measured. */
  readonly stretchSeconds: number;
  /** Of the messages at a steady rate. */
  readonly rateSeconds: number;
  /** Only what shows whether anything is far off. */
  readonly isQuick: boolean;
  /** Share of the readers: 1, but for trying the bench out. */
  readonly share: number;
}
