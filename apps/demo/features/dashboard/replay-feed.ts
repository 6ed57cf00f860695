import type { Feed, Sensor } from "./feed";
import recording from "./recording.json";

const tickMs = 20;

interface ReplayOptions {
  /** Updates per second of all sensors together; read before each step. */
  rate: () => Promise<number>;
}

/**
 * Replays a minute of a Linux machine's counters (recording.json) forwards and backwards without
 * end. A higher rate replays the same values faster.
 */
export function replayFeed({ rate }: ReplayOptions): Feed {
  const sensors = recording.sensors.map(({ id, name, unit }): Sensor => ({
    id,
    name,
    unit: unit as Sensor["unit"],
    source: "replay",
  }));
  return {
    sensors,
    start(emit) {
      let step = 0;
      let due = 0;
      let last = performance.now();
      // It fails while the backend is unavailable; then nothing can be published either.
      const timer = setInterval(() => void rate().then(advance, () => {}), tickMs).unref();
      return () => clearInterval(timer);

      function advance(perSecond: number): void {
        const now = performance.now();
        // At most one second's worth, so that a busy process does not catch up in a burst.
        due = Math.min(due + ((now - last) / 1_000) * perSecond, perSecond);
        last = now;
        for (; due >= 1; due--, step++) {
          const { id, values } = recording.sensors[step % sensors.length] as RecordedSensor;
          emit({ id, value: at(values, Math.floor(step / sensors.length)) });
        }
      }
    },
  };
}

type RecordedSensor = (typeof recording.sensors)[number];

/** Forwards and backwards, so that no value jumps. */
function at(values: readonly number[], step: number): number {
  const turn = 2 * (values.length - 1);
  const place = step % turn;
  return values[place < values.length ? place : turn - place] as number;
}
