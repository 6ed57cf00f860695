import { randomUUID } from "node:crypto";
import * as v from "valibot";
import { internalBus } from "./internal-bus";
import { moment, readShape, text } from "./shape";

const renewMs = 1_000;
/** A leader without a claim for this long is gone. */
const expiryMs = 3_000;
/** How long a new candidate waits for an earlier claim. */
const objectionMs = 500;

const claimShape = v.object({
  candidate: text(64),
  /** In ms since 1970. The earlier claim wins; the clocks need not agree. */
  since: moment,
});
type Claim = v.InferOutput<typeof claimShape>;

/**
 * Runs `start` on one of the instances that share a backend. Each publishes a claim once per second, and
 * the earliest claim leads. When the leader stops, another takes over within seconds; for a moment
 * there may be two. On the memory backend it starts immediately.
 *
 * @returns stops it, and stops claiming
 */
export function whileLeader(channel: string, start: () => () => void): () => void {
  const bus = internalBus();
  if (bus.stats().backend === "memory") return start();
  const candidate = randomUUID();
  let since = Date.now();
  let rivalSeenAt = 0;
  let stop: (() => void) | undefined;

  const unsubscribe = bus.subscribe(
    (data: unknown) => {
      const claim = readShape<Claim>(claimShape, data);
      if (!claim || claim.candidate === candidate || !isBefore(claim, { candidate, since })) return;
      rivalSeenAt = Date.now();
      stop?.();
      stop = undefined;
    },
    { channel, onGap: () => {} },
  );

  function renew(): void {
    const now = Date.now();
    if (now - rivalSeenAt < expiryMs) {
      // Behind the leader and the earlier claims: a claim keeps its age only while it is renewed.
      since = now;
      return;
    }
    // A claim that fails (the backend is down) is followed by another.
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
