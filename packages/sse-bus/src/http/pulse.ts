import type { Engine } from "../core/engine.ts";
import { pingReaders } from "../core/ping.ts";
import type { StreamConnection } from "./stream-connection.ts";

/** Heartbeats and deadlines of all connections of a route, on one timer. */
export interface Pulse {
  add(connection: StreamConnection): void;
  /** Stops the timer with the last connection. Idempotent. */
  remove(connection: StreamConnection): void;
}

/** Each heartbeat is spread over so many beats, so that ten thousand pings are no single stall. */
const BEATS = 8;

export function createPulse(engine: Engine, heartbeatMs: number): Pulse {
  const wheel = Array.from({ length: BEATS }, () => new Set<StreamConnection>());
  const places = new Map<StreamConnection, Set<StreamConnection>>();
  let timer: ReturnType<typeof setInterval> | undefined;
  let turn = 0;

  function beat(): void {
    turn = (turn + 1) % BEATS;
    const now = Date.now();
    for (const connection of places.keys()) connection.checkDeadlines(now);
    const due = wheel[turn] as Set<StreamConnection>;
    pingReaders(engine, readersOf(due));
  }

  return {
    add(connection) {
      // The place before the next turn: its first heartbeat comes after one whole period.
      const place = wheel[turn] as Set<StreamConnection>;
      place.add(connection);
      places.set(connection, place);
      timer ??= setInterval(beat, Math.max(1, heartbeatMs / BEATS));
    },
    remove(connection) {
      places.get(connection)?.delete(connection);
      places.delete(connection);
      if (places.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    },
  };
}

function* readersOf(connections: Iterable<StreamConnection>) {
  for (const { reader } of connections) if (reader) yield reader;
}
