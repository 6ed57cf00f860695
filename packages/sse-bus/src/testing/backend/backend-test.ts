import type { Lab } from "./lab.ts";

/** One test of the suite. */
export interface BackendTest {
  readonly name: string;
  /** The faults it needs; see `BackendTestOptions`. */
  readonly needs?: Fault | readonly Fault[];
  run(lab: Lab): Promise<void>;
}

export type Fault = "outage" | "partition" | "loseData" | "deleteMessages";
