// oxlint-disable-next-line typescript/triple-slash-reference -- an import would be of a module at run time
/// <reference path="./rate-limiter-memory.d.ts" />
import type { RateLimiterRes } from "rate-limiter-flexible";
// Not the library's index: it loads the limiters of every database, one of which webpack warns of.
import RateLimiterMemory from "rate-limiter-flexible/lib/RateLimiterMemory.js";
import { DEFAULT_CHANNEL } from "../core/channel-name.ts";
import { increment } from "./connections.ts";
import { clientKey } from "./client-key.ts";
import { assertCount } from "../core/history.ts";
import { decide } from "./authorize.ts";
import { type ClientIpOptions, clientIp } from "./client-ip.ts";
import { assertCors, corsHeaders, isCrossSite, optionsResponse } from "./cors.ts";
import { assertAllowedHosts, refuseHost } from "./host.ts";
import { isPrefetch } from "./prefetch.ts";
import { type Problem, problemOf, problemResponse } from "./problem.ts";
import { refuseByEnvironment, WRONG_TOKEN } from "./publish-access.ts";
import type { PublishEnv, PublishRouteOptions } from "./publish-options.ts";
import { readPost, readTrigger } from "./publish-request.ts";
import { Refusal } from "./refusal.ts";
import type { RouteContext } from "./route-context.ts";

/** Answers requests to publish, on any host that speaks `Request` and `Response`. */
export type PublishHandler = (request: Request) => Promise<Response>;

export interface PublishHandlerHost extends ClientIpOptions {
  /** Read anew for each request: a build must not freeze what the server's environment says. */
  readonly env: () => PublishEnv;
}

const ALLOW = "GET, POST, OPTIONS";

/** What a wrong token costs of `maxPublishesPerMinute`: guessing is sixty times slower by default. */
const WRONG_TOKEN_COST = 100;

/** @throws SseBusError `INVALID_OPTION` */
export function createPublishHandler(
  { bus, connections, maxMessageBytes, onError }: RouteContext,
  options: PublishRouteOptions,
  host: PublishHandlerHost,
): PublishHandler {
  const { authorize, authorizeTimeoutMs = 10_000, cors, maxPublishesPerMinute = 6000 } = options;
  assertCount(authorizeTimeoutMs, "authorizeTimeoutMs");
  assertCount(maxPublishesPerMinute, "maxPublishesPerMinute");
  assertCors(cors);
  assertAllowedHosts(options.allowedHosts);
  // The limiter takes no Infinity.
  const points = Math.min(maxPublishesPerMinute, Number.MAX_SAFE_INTEGER);
  const limiter = new RateLimiterMemory({ points, duration: 60 });

  async function publish(request: Request): Promise<Response> {
    const ip = clientIp(request, host);
    checkMethod(request);
    const badHost = refuseHost(request, options);
    if (badHost) throw new Refusal(badHost);
    if (isPrefetch(request)) throw new Refusal(PREFETCH);
    if (isCrossSite(request, cors)) throw new Refusal(CROSS_SITE);
    const client = allowanceOf(ip);
    if (client !== undefined) await spend(limiter, client);
    // Whoever may not publish at all is told before a byte of the body is read.
    if (!authorize) await checkEnvironment(request, client);
    const wanted =
      request.method === "GET"
        ? readTrigger(request, ip)
        : await readPost(request, maxMessageBytes);
    const publisher = await authorizedPublisher(request, wanted.options.channel);
    const message = await bus.publish(wanted.data, { ...wanted.options, publisher });
    return Response.json(message, {
      headers: {
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        ...corsHeaders(request, cors),
      },
    });
  }

  async function checkEnvironment(request: Request, client: string | undefined): Promise<void> {
    const refused = await refuseByEnvironment(request, host.env());
    if (!refused) return;
    // Only a known address pays for guessing: among unknown ones, one guesser would shut out all.
    if (refused === WRONG_TOKEN && client !== undefined && client !== UNKNOWN) {
      await limiter.penalty(client, WRONG_TOKEN_COST - 1);
    }
    throw new Refusal(refused);
  }

  /** Whose idempotency ids these are: of all who are unknown, together, but never the server's own. */
  async function authorizedPublisher(request: Request, channel = DEFAULT_CHANNEL): Promise<string> {
    const context = { request, channels: [channel], action: "publish" } as const;
    const decision = await decide(authorize, context, { timeoutMs: authorizeTimeoutMs, onError });
    if ("problem" in decision) throw new Refusal(decision.problem);
    return decision.identity?.id ?? "";
  }

  return async (request) => {
    if (request.method === "OPTIONS") return optionsResponse(request, ALLOW, cors);
    try {
      return await publish(request);
    } catch (error) {
      const problem = problemOf(error);
      if (problem.status === 500) onError(error as Error);
      increment(connections.refusals, problem.code);
      const limit = LIMITS[problem.code];
      if (limit) increment(connections.limitsHit, limit);
      const headers = { ...problem.headers, ...corsHeaders(request, cors) };
      return problemResponse({ ...problem, headers });
    }
  };
}

const LIMITS: Partial<Record<Problem["code"], string>> = {
  MESSAGE_TOO_LARGE: "maxMessageBytes",
  TOO_MANY_REQUESTS: "maxPublishesPerMinute",
};

/** HEAD too is refused: it promises to change nothing, and a trigger that answers it would publish. */
function checkMethod({ method }: Request): void {
  if (method === "GET" || method === "POST") return;
  throw new Refusal({
    status: 405,
    code: "METHOD_NOT_ALLOWED",
    detail: "Publish with GET ?msg=… or with POST and JSON.",
    headers: { Allow: ALLOW },
  });
}

const UNKNOWN = "unknown";

/** Clients without a known address share one allowance; loopback is no client but a proxy or a tool. */
function allowanceOf(ip: string | undefined): string | undefined {
  return ip === undefined ? UNKNOWN : clientKey(ip);
}

async function spend(limiter: RateLimiterMemory, client: string): Promise<void> {
  const rejected = await limiter.consume(client).then(
    () => undefined,
    (reason: RateLimiterRes) => reason,
  );
  if (!rejected) return;
  const seconds = Math.max(1, Math.ceil(rejected.msBeforeNext / 1000));
  throw new Refusal({
    status: 429,
    code: "TOO_MANY_REQUESTS",
    detail: `This address has published as much as it may: try again in ${seconds} s.`,
    headers: { "Retry-After": String(seconds) },
  });
}

const PREFETCH: Problem = {
  status: 403,
  code: "PREFETCH",
  detail: "A prefetch publishes nothing; the real navigation will.",
};

const CROSS_SITE: Problem = {
  status: 403,
  code: "CROSS_SITE",
  detail: "A page of another origin may not publish here: add its origin to `cors.origins`.",
};
