import type { Engine } from "./engine.ts";
import { provenHead } from "./engine.ts";
import { type Cohort, place, pumpReader, unplace } from "./cohort.ts";
import { hydrate, startFromKept } from "./open-reader.ts";
import type { Position } from "./position.ts";
import type { Reader } from "./reader.ts";
import { resetTopic } from "./topic.ts";

/** Cohorts whose history is read at a time, so that ten thousand of them are no storm. */
const MAX_PARALLEL = 16;

/**
 * The backend's log began anew: every reader is told of a gap and goes on with what the new log
 * keeps. Cursors of the old log mean nothing any more, so nobody is handed a byte in between.
 *
 * Readers that are being opened notice it themselves, and start once more.
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
    unplace(reader);
    reader.state = "behind";
    reader.cohort.behind.add(reader);
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
  /** Those that were open when it began. */
  readonly readers: ReadonlySet<Reader>;
}

async function restartCohort(engine: Engine, cohort: Cohort, own: Restart): Promise<void> {
  let oldest = own.head;
  try {
    oldest = await hydrate(engine, cohort.topics);
  } catch (error) {
    // Unreadable history counts as lost, and the gap says so.
    engine.remote.onError(error as Error);
  }
  // The log began anew once more: that restart sees to all cohorts.
  if (engine.restarts !== own.restart) return;
  cohort.cursor = provenHead(engine);
  cohort.phase = "running";
  for (const reader of [...cohort.behind, ...cohort.waiting]) {
    if (reader.state === "opening") continue;
    if (own.readers.has(reader)) {
      const channels = cohort.topics.map(({ name }) => name);
      reader.pendingGap = { channels, reason: "restarted" };
      startFromKept(reader, oldest);
    }
    place(reader);
    if (reader.ready) pumpReader(reader);
  }
  cohort.context.flusher.add(cohort);
}
