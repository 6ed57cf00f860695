// oxlint-disable-next-line typescript/triple-slash-reference -- an import would be of a module at run time
/// <reference path="./rate-limiter-memory.d.ts" />
import type { RateLimiterRes } from "rate-limiter-flexible";
// Not the library's index: it loads the limiters of every database, one of which webpack warns about.
import RateLimiterMemory from "rate-limiter-flexible/lib/RateLimiterMemory.js";
import { clientKey } from "./client-key.ts";
import { Refusal } from "./refusal.ts";

/** The rate limit of a publish route, by client address. */
export interface PublishRate {
  /** Counts one publish. @throws Refusal `TOO_MANY_REQUESTS` */
  spend(ip: string | undefined): Promise<void>;
  /** Counts a wrong publish token as a hundred publishes: by default that allows 60 guesses a minute. */
  penalise(ip: string | undefined): Promise<void>;
}

const WRONG_TOKEN_COST = 100;

/** All clients without a known address count as one. */
const UNKNOWN = "unknown";

export function createPublishRate(maxPublishesPerMinute: number): PublishRate {
  // The limiter does not accept Infinity.
  const points = Math.min(maxPublishesPerMinute, Number.MAX_SAFE_INTEGER);
  const limiter = new RateLimiterMemory({ points, duration: 60 });
  return {
    async spend(ip) {
      const client = ip === undefined ? UNKNOWN : clientKey(ip);
      if (client === undefined) return;
      const rejected = await limiter.consume(client).then(
        () => undefined,
        (reason: RateLimiterRes) => reason,
      );
      if (rejected) throw tooMany(rejected);
    },
    async penalise(ip) {
      // Unknown addresses pay nothing extra: one guesser would block all of them.
      const client = clientKey(ip);
      // `spend` has counted one already.
      if (client !== undefined) await limiter.penalty(client, WRONG_TOKEN_COST - 1);
    },
  };
}

function tooMany({ msBeforeNext }: RateLimiterRes): Refusal {
  const seconds = Math.max(1, Math.ceil(msBeforeNext / 1000));
  return new Refusal(
    {
      status: 429,
      code: "TOO_MANY_REQUESTS",
      detail: `Rate limit reached: this address has published too often (\`maxPublishesPerMinute\`). Retry after ${seconds} s.`,
      headers: { "Retry-After": String(seconds) },
    },
    { limit: "maxPublishesPerMinute" },
  );
}
