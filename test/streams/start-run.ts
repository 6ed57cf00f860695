import type { Restartable } from "../support/restartable.ts";
import { waitFor } from "../support/wait-for.ts";
import type { Cluster } from "./cluster.ts";
import { readStream, type StreamReader } from "./reader.ts";

/** A run whose source gives from now on. */
export interface StartedRun {
  /** The client that started it. */
  readonly reader: StreamReader;
  /** Opens another client on one of the instances. */
  resume(on: number): StreamReader;
}

export interface RunOptions {
  /** Of its content. */
  readonly seed: number;
  /** The instance that runs it. */
  readonly on: number;
  /** How many times slower the source is than its content says. @default 1 */
  readonly pace?: number;
}

/** Starts a run on one of the instances. */
export async function startRun(
  { instances, notes }: Cluster,
  id: string,
  { seed, on, pace = 1 }: RunOptions,
): Promise<StartedRun> {
  const runs = async (): Promise<number> =>
    (await notes(id)).filter(({ what }) => what === "run").length;
  const urlOf = (index: number): string => (instances[index] as Restartable).url;
  const before = await runs();
  const reader = readStream(`${urlOf(on)}/start?id=${id}&seed=${seed}&pace=${pace}`);
  await waitFor("the source to run", async () => (await runs()) > before);
  await reader.opened;
  await fetch(`${urlOf(on)}/go?id=${id}`);
  return { reader, resume: (other) => readStream(`${urlOf(other)}/resume?id=${id}`) };
}
