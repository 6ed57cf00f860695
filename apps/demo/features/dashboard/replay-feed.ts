import type { Feed, Sensor } from "./feed";
import recording from "./recording.json";

const tickMs = 20;

interface ReplayOptions {
  /** Updates a second, of all sensors together; asked before each step. */
  rate: () => number;
}

/**
 * A minute of a Linux machine's counters under load, as recorded in recording.json, forwards and
 * backwards without end. At higher rates it moves through the same values faster.
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
      const timer = setInterval(() => {
        const now = performance.now();
        // At most a second's worth: what a busy process missed is not made up for in a flood.
        due = Math.min(due + ((now - last) / 1_000) * rate(), rate());
        last = now;
        for (; due >= 1; due--, step++) {
          const { id, values } = recording.sensors[step % sensors.length] as RecordedSensor;
          emit({ id, value: at(values, Math.floor(step / sensors.length)) });
        }
      }, tickMs).unref();
      return () => clearInterval(timer);
    },
  };
}

type RecordedSensor = (typeof recording.sensors)[number];

/** To the end and back, so that no value jumps. */
function at(values: readonly number[], step: number): number {
  const turn = 2 * (values.length - 1);
  const place = step % turn;
  return values[place < values.length ? place : turn - place] as number;
}
