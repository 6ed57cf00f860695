import type { Engine } from "./engine.ts";
import { reached } from "./engine.ts";
import { type Group, place, pumpReader, unplace } from "./group.ts";
import { hydrate, startFromKept } from "./open-reader.ts";
import type { Position } from "./position.ts";
import type { Reader } from "./reader.ts";
import { resetTopic } from "./topic.ts";

/** Groups whose history is read at a time, so that ten thousand of them are no storm. */
const MAX_PARALLEL = 16;

/**
 * The backend's log began anew: every reader is told of a gap and goes on with what the new log
 * keeps. Cursors of the old log mean nothing any more, so nobody is handed a byte in between.
 *
 * Readers that are being opened notice it themselves, and start once more.
 */
export async function restartReaders(engine: Engine): Promise<void> {
  const restart = ++engine.restarts;
  const head = reached(engine);
  for (const topic of engine.topics.values()) resetTopic(topic, head);
  const groups: Group[] = [];
  for (const group of engine.groups.values()) {
    group.packets.clear();
    if (group.phase === "starting") continue;
    group.phase = "restarting";
    groups.push(group);
  }
  const readers = new Set<Reader>();
  for (const reader of engine.readers) {
    if (reader.state === "opening") continue;
    readers.add(reader);
    unplace(reader);
    reader.state = "behind";
    reader.group.behind.add(reader);
  }
  const next = groups.values();
  const work = async (): Promise<void> => {
    for (const group of next) await restartGroup(engine, group, { restart, head, readers });
  };
  await Promise.all(Array.from({ length: MAX_PARALLEL }, work));
}

interface Restart {
  readonly restart: number;
  readonly head: Position;
  /** Those that were open when it began. */
  readonly readers: ReadonlySet<Reader>;
}

async function restartGroup(engine: Engine, group: Group, own: Restart): Promise<void> {
  let oldest = own.head;
  try {
    oldest = await hydrate(engine, group.topics);
  } catch (error) {
    // Unreadable history counts as lost, and the gap says so.
    engine.remote.onError(error as Error);
  }
  // The log began anew once more: that restart sees to all groups.
  if (engine.restarts !== own.restart) return;
  group.cursor = reached(engine);
  group.phase = "running";
  for (const reader of [...group.behind, ...group.waiting]) {
    if (reader.state === "opening") continue;
    if (own.readers.has(reader)) {
      const channels = group.topics.map(({ name }) => name);
      reader.pendingGap = { channels, reason: "restarted" };
      startFromKept(reader, oldest);
    }
    place(reader);
    if (reader.ready) pumpReader(reader);
  }
  group.context.flusher.add(group);
}
