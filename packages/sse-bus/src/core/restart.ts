import { type Cohort, type Reader, readerCursor } from "./cohort.ts";
import { pumpReader } from "./deliver.ts";
import { type Engine, provenHead } from "./engine.ts";
import { hydrate, startFromKept } from "./open-reader.ts";
import type { Position } from "./position.ts";
import { moveBehind, placeReader } from "./reader-state.ts";
import { resetTopic } from "./topic.ts";

/** How many cohorts read history at the same time. A process may have ten thousand cohorts. */
const MAX_PARALLEL = 16;

/**
 * Moves all readers to the new log after the backend's log has restarted. Every reader receives a gap, then
 * what the new log keeps. Cursors of the old log are not valid in the new one, so no messages are delivered
 * until a reader has moved.
 *
 * Readers in state `opening` detect the changed `engine.restarts` and start again.
 */
export async function restartReaders(engine: Engine): Promise<void> {
  const restart = ++engine.restarts;
  const head = provenHead(engine);
  for (const topic of engine.topics.values()) resetTopic(topic, head);
  const cohorts: Cohort[] = [];
  for (const cohort of engine.cohorts.values()) {
    cohort.packets.clear();
    if (cohort.phase === "starting") continue;
    cohort.phase = "restarting";
    cohorts.push(cohort);
  }
  const readers = new Set<Reader>();
  for (const reader of engine.readers) {
    if (reader.state === "opening") continue;
    readers.add(reader);
    moveBehind(reader, readerCursor(reader));
  }
  const next = cohorts.values();
  const work = async (): Promise<void> => {
    for (const cohort of next) await restartCohort(engine, cohort, { restart, head, readers });
  };
  await Promise.all(Array.from({ length: MAX_PARALLEL }, work));
}

interface Restart {
  readonly restart: number;
  readonly head: Position;
  /** The readers that were open when the log restarted. */
  readonly readers: ReadonlySet<Reader>;
}

async function restartCohort(engine: Engine, cohort: Cohort, own: Restart): Promise<void> {
  let oldest = own.head;
  try {
    oldest = await hydrate(engine, cohort.topics);
  } catch (error) {
    // History that cannot be read counts as lost. The gap reports it.
    engine.remote.onError(error as Error);
  }
  // The log has restarted again. The later restart moves all cohorts.
  if (engine.restarts !== own.restart) return;
  cohort.cursor = provenHead(engine);
  cohort.phase = "running";
  for (const reader of [...cohort.behind, ...cohort.waiting]) {
    if (own.readers.has(reader)) {
      const channels = cohort.topics.map(({ name }) => name);
      reader.pendingGap = { channels, reason: "restarted" };
      startFromKept(reader, oldest);
    }
    placeReader(reader);
    if (reader.ready) pumpReader(reader);
  }
  cohort.context.flusher.add(cohort);
}
