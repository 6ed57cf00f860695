import { inBackground, startInterval } from "../core/timers.ts";
import type { JetStream } from "./jetstream.ts";
import { isJetStreamError, WRONG_LAST_SEQUENCE } from "./jetstream-errors.ts";
import type { Subjects } from "./subjects.ts";

/**
 * Age markers are empty messages, published at intervals. The stream drops them only by age (or when
 * the whole stream is too large), so its first position shows how far retention by age has come.
 * Without them, a busy channel that drops messages by count would move the first position, and the
 * readers of a quiet channel would get a gap without a loss.
 */
export interface AgeMarkers {
  /** Publishes a marker, unless this or another instance has done so in this interval. */
  publish(): void;
  /** Publishes markers from now on, about 50 within `maxAgeMs`. */
  start(maxAgeMs: number): void;
  stop(): void;
}

export interface AgeMarkersOptions {
  readonly subjects: Subjects;
  isUsable(): boolean;
  onError(error: Error): void;
}

const MIN_INTERVAL_MS = 1000;
const MAX_INTERVAL_MS = 600_000;

export function createAgeMarkers(js: JetStream, options: AgeMarkersOptions): AgeMarkers {
  const { subjects, isUsable, onError } = options;
  let interval = MAX_INTERVAL_MS;
  let timer: ReturnType<typeof setInterval> | undefined;

  function publish(): void {
    if (!isUsable()) return;
    // By this machine's clock: if it is wrong, there is one more marker, or a gap without a loss.
    const subject = subjects.ageMarker(Math.floor(Date.now() / interval));
    // All instances publish the same marker, and the server accepts the first one.
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
    publish,
    start(maxAgeMs) {
      const wanted = maxAgeMs > 0 ? maxAgeMs / 50 : MAX_INTERVAL_MS;
      interval = Math.round(Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, wanted)));
      stop();
      timer = inBackground(startInterval(publish, interval));
      publish();
    },
    stop,
  };
}
