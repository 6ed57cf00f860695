import type { Engine } from "./engine.ts";
import { reached } from "./engine.ts";
import { place, pumpReader, unplace } from "./group.ts";
import { hydrate } from "./open-reader.ts";
import type { Reader } from "./reader.ts";
import { resetTopic } from "./topic.ts";

/**
 * The backend's log began anew: every reader is told of a gap and goes on with what the new log
 * keeps. Cursors of the old log mean nothing any more, so nobody is handed a byte in between.
 */
export async function restartReaders(engine: Engine): Promise<void> {
  const readers = new Set(engine.readers);
  const { seq } = reached(engine);
  for (const topic of engine.topics.values()) resetTopic(topic, seq);
  for (const group of engine.groups.values()) {
    if (group.phase === "running") group.phase = "restarting";
    group.packets.clear();
  }
  for (const reader of readers) {
    unplace(reader);
    reader.state = "behind";
    reader.group.behind.add(reader);
  }
  for (const group of engine.groups.values()) {
    if (group.phase !== "restarting") continue;
    const horizons = await hydrate(engine, group.topics).catch((error: unknown) => {
      engine.remote.onError(error as Error);
      // Unreadable history counts as lost, and the gap says so.
      return { oldest: reached(engine), newest: reached(engine) };
    });
    group.cursor = reached(engine);
    group.phase = "running";
    for (const reader of [...group.behind, ...group.waiting]) {
      if (readers.has(reader)) rewind(reader, horizons.oldest, horizons.newest.seq);
      else place(reader);
      if (reader.ready) pumpReader(reader);
    }
    group.context.flusher.add(group);
  }
}

function rewind(reader: Reader, cursor: { seq: number; time: number }, ignoreUntil: number): void {
  const channels = reader.group.topics.map(({ name }) => name);
  reader.pendingGap = { channels, reason: "restarted" };
  reader.cursor = cursor;
  reader.ignoreUntil = ignoreUntil;
  reader.snapshot = undefined;
  reader.ordinal = undefined;
  place(reader);
}
