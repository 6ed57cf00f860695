// oxlint-disable-next-line typescript/triple-slash-reference -- an import would be of a module at run time
/// <reference path="./rate-limiter-memory.d.ts" />
import type { RateLimiterRes } from "rate-limiter-flexible";
// Not the library's index: it loads the limiters of every database, one of which webpack warns about.
import RateLimiterMemory from "rate-limiter-flexible/lib/RateLimiterMemory.js";
import { clientKey } from "./client-key.ts";
import { Refusal } from "./refusal.ts";

/** A rate limit by client address. */
export interface AddressRate {
  /** Counts one action or more; nothing to wait for where the address is not limited. @throws Refusal `TOO_MANY_REQUESTS` */
  spend(ip: string | undefined, actions?: number): Promise<void> | undefined;
  /** Counts a wrong publish token as a hundred actions: by default that allows 60 guesses a minute. */
  penalise(ip: string | undefined): Promise<void>;
}

const WRONG_TOKEN_COST = 100;

/** All clients without a known address count as one. */
const UNKNOWN = "unknown";

/** What a rate limits, for its refusal. */
export interface LimitedAction {
  /** What was done, as in "has published". */
  readonly done: string;
  /** The option that sets the limit; `undefined` where it is fixed. */
  readonly limit: string | undefined;
}

export function createAddressRate(maxPerMinute: number, action: LimitedAction): AddressRate {
  // The limiter does not accept Infinity.
  const points = Math.min(maxPerMinute, Number.MAX_SAFE_INTEGER);
  const limiter = new RateLimiterMemory({ points, duration: 60 });

  async function consume(client: string, actions: number): Promise<void> {
    try {
      await limiter.consume(client, actions);
    } catch (reason) {
      const { msBeforeNext } = reason as RateLimiterRes;
      throw tooManyRequests(msBeforeNext, "this address", action);
    }
  }

  return {
    spend(ip, actions = 1) {
      const client = ip === undefined ? UNKNOWN : clientKey(ip);
      return client === undefined ? undefined : consume(client, actions);
    },
    async penalise(ip) {
      // Unknown addresses pay nothing extra: one guesser would block all of them.
      const client = clientKey(ip);
      // `spend` has counted one already.
      if (client !== undefined) await limiter.penalty(client, WRONG_TOKEN_COST - 1);
    },
  };
}

/** The refusal of `who`, whose next action is allowed in `msBeforeNext`. */
export function tooManyRequests(
  msBeforeNext: number,
  who: string,
  { done, limit }: LimitedAction,
): Refusal {
  const seconds = Math.max(1, Math.ceil(msBeforeNext / 1000));
  return new Refusal(
    {
      status: 429,
      code: "TOO_MANY_REQUESTS",
      detail: `Rate limit reached: ${who} has ${done} too often${limit === undefined ? "" : ` (\`${limit}\`)`}. Retry after ${seconds} s.`,
      headers: { "Retry-After": String(seconds) },
    },
    limit === undefined ? {} : { limit },
  );
}
