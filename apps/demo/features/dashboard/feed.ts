/** What is measured. */
export interface Sensor {
  id: string;
  name: string;
  unit: "" | "%" | "B" | "B/s" | "/s" | "ms";
  /** Where its values come from: said beside each of them. */
  source: "replay" | "live";
}

/** One value of one sensor. */
export interface Reading {
  id: string;
  value: number;
}

// #region how feed
/** Where readings come from. Put your own beside these: a broker, a device, a market. */
export interface Feed {
  readonly sensors: readonly Sensor[];
  /** Calls `emit` for each reading until the function that it returns is called. */
  start(emit: (reading: Reading) => void): () => void;
}
// #endregion

/** A reading as it is published; `run` and `count` tell a reader how many of its sensor it skipped. */
export interface PublishedReading extends Reading {
  /** Which producer's, since when. */
  run: number;
  /** How many of this sensor the producer had published, with this one. */
  count: number;
}

export const readingsChannel = "dashboard/readings";
export const rateChannel = "dashboard/rate";

/** Updates a second, of all sensors together. */
export const rates = [200, 1_000, 2_000] as const;
export type Rate = (typeof rates)[number];
/** A rate that was asked for lasts this long; it is everybody's server. */
export const rateLastsMs = 120_000;

export interface AskedRate {
  perSecond: Rate;
}
