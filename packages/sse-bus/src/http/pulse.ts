import type { Engine } from "../core/engine.ts";
import { pingReaders } from "../core/ping.ts";
import type { StreamConnection } from "./stream-connection.ts";
import { startInterval } from "../core/timers.ts";

/** Heartbeats and deadlines of all connections of a route, on one timer. */
export interface Pulse {
  add(connection: StreamConnection): void;
  /** Stops the timer with the last connection. Idempotent. */
  remove(connection: StreamConnection): void;
}

/** A heartbeat is spread over this many beats, so that ten thousand pings do not stall the event loop. */
const BEATS = 8;

/** Deadlines are checked at least this often, however long the heartbeat is. */
const MAX_CHECK_MS = 1000;

export function createPulse(engine: Engine, heartbeatMs: number): Pulse {
  const wheel = Array.from({ length: BEATS }, () => new Set<StreamConnection>());
  let timer: ReturnType<typeof setInterval> | undefined;
  const beatMs = Math.max(1, heartbeatMs / BEATS);
  const checksPerBeat = Math.ceil(beatMs / MAX_CHECK_MS);
  // Whole, as timers drop fractions: 999.998 ms would be 999.
  const checkMs = Math.round(beatMs / checksPerBeat);
  let checks = 0;
  let turn = 0;
  let size = 0;

  function check(): void {
    const now = Date.now();
    for (const slot of wheel) {
      for (const connection of slot) connection.checkDeadlines(now);
    }
    checks = (checks + 1) % checksPerBeat;
    if (checks === 0) beat();
  }

  function beat(): void {
    turn = (turn + 1) % BEATS;
    pingReaders(engine, readersOf(slotOf(turn)));
  }

  function slotOf(turn: number): Set<StreamConnection> {
    return wheel[turn] as Set<StreamConnection>;
  }

  return {
    add(connection) {
      // The slot of the last turn, so that the first heartbeat comes after one whole period. Readers that share
      // a window are pinged together.
      const window = connection.reader?.cohort.window;
      connection.beat = window ? (window.beat ??= turn) : turn;
      slotOf(connection.beat).add(connection);
      size++;
      timer ??= startInterval(check, checkMs);
    },
    remove(connection) {
      if (slotOf(connection.beat).delete(connection)) size--;
      if (size > 0) return;
      clearInterval(timer);
      timer = undefined;
      checks = 0;
    },
  };
}

function* readersOf(connections: Iterable<StreamConnection>) {
  for (const { reader } of connections) if (reader) yield reader;
}
