/** One measured quantity. */
export interface Sensor {
  id: string;
  name: string;
  unit: "" | "%" | "B" | "B/s" | "/s" | "ms";
  /** Where its values come from. */
  source: "replay" | "live";
}

/** One value of one sensor. */
export interface Reading {
  id: string;
  value: number;
}

/** A source of readings. Add your own: a broker, a device, a market. */
export interface Feed {
  readonly sensors: readonly Sensor[];
  /** Calls `emit` for each reading. Returns the function that stops it. */
  start(emit: (reading: Reading) => void): () => void;
}

/** A published reading. From `run` and `count` a page knows how many readings it skipped. */
export interface PublishedReading extends Reading {
  /** The producer's fencing number: greater than that of every producer before. */
  run: number;
  /** The number of this reading among the producer's readings of this sensor. */
  count: number;
}

/** Updates per second of all sensors together. */
export const rates = [200, 1_000, 2_000] as const;
export type Rate = (typeof rates)[number];
/** A requested rate lasts this long, because all visitors share the server. */
export const rateLastsMs = 120_000;

export interface AskedRate {
  perSecond: Rate;
}

export interface CurrentRate extends AskedRate {
  /** When it ends, in ms since 1970. */
  until: number;
}
