import { headers } from "next/headers";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";

/** Counts this request against its visitor's rate limit. Returns 0, or the ms until the next allowed request. */
export const takePublishTurn = turns({ forEach: 10, forAll: 100 });

/** The rate limit of questions to the assistant. */
export const takeChatTurn = turns({ forEach: 10, forAll: 60, seconds: 60 });

interface Limits {
  /** For one visitor. */
  forEach: number;
  /** For all visitors together. */
  forAll: number;
  /** The window of both limits. @default 5 */
  seconds?: number;
}

function turns(limits: Limits): () => Promise<number> {
  const duration = limits.seconds ?? 5;
  const forEach = new RateLimiterMemory({ points: limits.forEach, duration });
  const forAll = new RateLimiterMemory({ points: limits.forAll, duration });
  return async () => {
    try {
      // The limit for all comes first, because it also bounds the number of remembered visitors.
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
 * The key of this request's visitor in limits per visitor: the address.
 *
 * Next sets the header to the socket's address when no proxy does. A visitor can forge it to get
 * around the limit per visitor, but not around the limit for all.
 */
export async function visitor(): Promise<string> {
  const forwarded = (await headers()).get("x-forwarded-for");
  return forwarded?.split(",").at(-1)?.trim().slice(0, 64) ?? "unknown";
}
