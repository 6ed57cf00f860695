import { headers } from "next/headers";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";

/** Takes a turn for the visitor of this request. Returns 0, or the ms until there is one again. */
export const takePublishTurn = turns({ forEach: 10, forAll: 100 });

/** The same for signs of life, which windows give by themselves. */
export const takeSignTurn = turns({ forEach: 40, forAll: 400 });

/** For whoever tries a token of the inspector: nobody types faster, and to guess takes for ever. */
export const takeEntryTurn = turns({ forEach: 10, forAll: 100, seconds: 60 });

interface Limits {
  /** For one visitor. */
  forEach: number;
  /** For all together. */
  forAll: number;
  /** The time in which so many are allowed. @default 5 */
  seconds?: number;
}

function turns(limits: Limits): () => Promise<number> {
  const duration = limits.seconds ?? 5;
  const forEach = new RateLimiterMemory({ points: limits.forEach, duration });
  const forAll = new RateLimiterMemory({ points: limits.forAll, duration });
  return async () => {
    try {
      // The limit for all comes first: it also bounds how many visitors are remembered.
      await forAll.consume("all");
      await forEach.consume(await visitor());
      return 0;
    } catch (refusal) {
      if (refusal instanceof RateLimiterRes) return Math.max(1, refusal.msBeforeNext);
      throw refusal;
    }
  };
}

/**
 * Next fills the header with the socket's address where no proxy did. A visitor can forge it and
 * so get turns of others, which is why it only shares out what the limit for all allows.
 */
async function visitor(): Promise<string> {
  const forwarded = (await headers()).get("x-forwarded-for");
  return forwarded?.split(",").at(-1)?.trim().slice(0, 64) ?? "unknown";
}
