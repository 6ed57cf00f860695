import { RateLimiterMemory, type RateLimiterRes } from "rate-limiter-flexible";
import type { BusInternals } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { DEFAULT_CHANNEL } from "../core/channel-name.ts";
import { increment, isLoopback } from "../core/connections.ts";
import { type ClientIpOptions, clientIp } from "./client-ip.ts";
import { corsHeaders, isCrossSite, optionsResponse } from "./cors.ts";
import { type Problem, problemOf, problemResponse } from "./problem.ts";
import { refusePublish } from "./publish-access.ts";
import type { PublishEnv, PublishRouteOptions } from "./publish-options.ts";
import { readPost, readTrigger } from "./publish-request.ts";
import { Refusal } from "./refusal.ts";

/** Answers requests to publish, on any host that speaks `Request` and `Response`. */
export type PublishHandler = (request: Request) => Promise<Response>;

export interface PublishHandlerHost extends ClientIpOptions {
  /** Read anew for each request: a build must not freeze what the server's environment says. */
  readonly env: () => PublishEnv;
}

const ALLOW = "GET, POST, OPTIONS";

export function createPublishHandler(
  bus: Bus,
  { connections, options: busOptions, maxMessageBytes }: BusInternals,
  options: PublishRouteOptions,
  host: PublishHandlerHost,
): PublishHandler {
  const { authorize, cors, maxPublishesPerMinute = 6000 } = options;
  const limiter = new RateLimiterMemory({ points: maxPublishesPerMinute, duration: 60 });

  async function publish(request: Request): Promise<Response> {
    const ip = clientIp(request, host);
    checkMethod(request);
    // A browser that guesses where the user goes next must not publish for it.
    if (request.headers.get("sec-purpose")?.includes("prefetch")) throw new Refusal(PREFETCH);
    if (isCrossSite(request, cors)) throw new Refusal(CROSS_SITE);
    await spend(limiter, ip);
    const wanted =
      request.method === "GET"
        ? readTrigger(request, ip)
        : await readPost(request, maxMessageBytes);
    const channel = wanted.options.channel ?? DEFAULT_CHANNEL;
    const env = host.env();
    const refused = await refusePublish(request, channel, authorize, env, busOptions.onError);
    if (refused) throw new Refusal(refused);
    const message = await bus.publish(wanted.data, wanted.options);
    return Response.json(message, {
      headers: { "Cache-Control": "no-store", ...corsHeaders(request, cors) },
    });
  }

  return async (request) => {
    if (request.method === "OPTIONS") return optionsResponse(request, ALLOW, cors);
    try {
      return await publish(request);
    } catch (error) {
      const problem = error instanceof Refusal ? error.problem : problemOf(error);
      if (problem.status === 500) busOptions.onError(error as Error);
      increment(connections.refusals, problem.code);
      const headers = { ...problem.headers, ...corsHeaders(request, cors) };
      return problemResponse({ ...problem, headers });
    }
  };
}

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

/** Clients without a known address share one allowance; loopback is no client but a proxy or a tool. */
async function spend(limiter: RateLimiterMemory, ip: string | undefined): Promise<void> {
  if (ip !== undefined && isLoopback(ip)) return;
  const rejected = await limiter.consume(ip ?? "unknown").then(
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
