import { isJetStreamError, type JetStream, WRONG_LAST_SEQUENCE } from "./jetstream.ts";
import type { Subjects } from "./subjects.ts";
import { startInterval } from "../core/timers.ts";

/**
 * Fences are empty messages, one now and then, that go only by age (or when the whole stream is too
 * large). The first position of the stream then tells how far age has eaten into it: without them a
 * busy channel, whose old messages go by count, would move it on, and a quiet channel's readers
 * would be told of a loss that was not theirs.
 */
export interface Fences {
  /** Sets one, unless this instance or another has done so lately. */
  set(): void;
  /** Sets them from now on, so many that age goes from one to the next in a fiftieth of itself. */
  start(maxAgeMs: number): void;
  stop(): void;
}

export interface FencesOptions {
  readonly subjects: Subjects;
  isUsable(): boolean;
  onError(error: Error): void;
}

const MIN_INTERVAL_MS = 1000;
const MAX_INTERVAL_MS = 600_000;

export function createFences(js: JetStream, options: FencesOptions): Fences {
  const { subjects, isUsable, onError } = options;
  let interval = MAX_INTERVAL_MS;
  let timer: ReturnType<typeof setInterval> | undefined;

  function set(): void {
    if (!isUsable()) return;
    // By this machine's clock: one that is wrong costs a fence more, or a gap without a loss.
    const subject = subjects.fence(Math.floor(Date.now() / interval));
    // All instances set the same one; the server takes the first.
    const headers = { "Nats-Expected-Last-Subject-Sequence": "0" };
    js.publish(subject, new Uint8Array(), headers).catch((error: unknown) => {
      if (isUsable() && !isJetStreamError(error, WRONG_LAST_SEQUENCE)) onError(error as Error);
    });
  }

  function stop(): void {
    clearInterval(timer);
    timer = undefined;
  }

  return {
    set,
    start(maxAgeMs) {
      const wanted = maxAgeMs > 0 ? maxAgeMs / 50 : MAX_INTERVAL_MS;
      interval = Math.round(Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, wanted)));
      stop();
      timer = startInterval(set, interval);
      (timer as { unref?: () => void }).unref?.();
      set();
    },
    stop,
  };
}
