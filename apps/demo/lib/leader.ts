import { randomUUID } from "node:crypto";
import * as v from "valibot";
import { moment, readShape, text } from "./shape";
import { bus } from "./sse-bus";

const renewMs = 1_000;
/** Who was silent for this long has gone. */
const expiryMs = 3_000;
/** How long a new candidate waits for one who has been longer in office. */
const objectionMs = 500;

const claimShape = v.object({
  candidate: text(64),
  /** In ms since 1970. The earlier claim wins, whoever's clock is right. */
  since: moment,
});
type Claim = v.InferOutput<typeof claimShape>;

/**
 * Runs `start` on one of the instances that share the bus: each claims the office once a second, in
 * the log that all of them read, and yields to the earliest claim. Another takes over within seconds
 * when the holder goes; for a moment there may be two. Alone, on the memory backend, it starts at once.
 *
 * @returns gives the office up
 */
export function whileLeader(channel: string, start: () => () => void): () => void {
  if (bus.stats().backend === "memory") return start();
  const candidate = randomUUID();
  let since = Date.now();
  let rivalHeardAt = 0;
  let stop: (() => void) | undefined;

  const unsubscribe = bus.subscribe(
    (data: unknown) => {
      const claim = readShape<Claim>(claimShape, data);
      if (!claim || claim.candidate === candidate || !isBefore(claim, { candidate, since })) return;
      rivalHeardAt = Date.now();
      stop?.();
      stop = undefined;
    },
    { channel, onGap: () => {} },
  );

  function renew(): void {
    const now = Date.now();
    if (now - rivalHeardAt < expiryMs) {
      // Behind the holder, and behind who waits already: claims age only while they are made.
      since = now;
      return;
    }
    // A claim that does not reach the log (its server is away) is followed by another.
    bus.publish({ candidate, since } satisfies Claim, { channel, key: "claim" }).catch(() => {});
    if (now - since >= objectionMs) stop ??= start();
  }

  renew();
  const timers = [setInterval(renew, renewMs).unref(), setTimeout(renew, objectionMs).unref()];
  return () => {
    for (const timer of timers) clearInterval(timer);
    unsubscribe();
    stop?.();
    stop = undefined;
  };
}

function isBefore(a: Claim, b: Claim): boolean {
  return a.since < b.since || (a.since === b.since && a.candidate < b.candidate);
}
