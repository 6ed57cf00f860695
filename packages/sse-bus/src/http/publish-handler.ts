import { DEFAULT_CHANNEL } from "../core/channel-name.ts";
import { assertCount } from "../core/history.ts";
import type { Authorize } from "./authorize.ts";
import { type ClientIpOptions, clientIp } from "./client-ip.ts";
import { assertCors, corsHeaders, isCrossSite, optionsResponse } from "./cors.ts";
import { assertAllowedHosts, checkHost } from "./host.ts";
import { requireCredentials, requirePermission } from "./permission.ts";
import { isPrefetch } from "./prefetch.ts";
import { type Problem, problemResponse } from "./problem.ts";
import { type PublishAccess, readPublishAccess } from "./publish-access.ts";
import type { PublishEnv, PublishRouteOptions } from "./publish-options.ts";
import { createPublishRate } from "./publish-rate.ts";
import { readPost, readTrigger } from "./publish-request.ts";
import { countRefusal, Refusal, toRefusal } from "./refusal.ts";
import type { RouteContext } from "./route-context.ts";

/** Answers requests to publish, on any host that speaks `Request` and `Response`. */
export type PublishHandler = (request: Request) => Promise<Response>;

export interface PublishHandlerHost extends ClientIpOptions {
  /** Read for each request: a build must not freeze the server's environment. */
  readonly env: () => PublishEnv;
  /** Whether the publish token also allows what `authorize` refuses. @default false */
  readonly isTokenEnough?: boolean;
}

const ALLOW = "GET, POST, OPTIONS";

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
  const rate = createPublishRate(maxPublishesPerMinute);
  const asking = { timeoutMs: authorizeTimeoutMs, onError };

  async function publish(request: Request): Promise<Response> {
    const ip = clientIp(request, host);
    checkMethod(request);
    checkHost(request, options);
    if (isPrefetch(request)) throw new Refusal(PREFETCH);
    if (isCrossSite(request, cors)) throw new Refusal(CROSS_SITE);
    await rate.spend(ip);
    // Refused before a byte of the body is read.
    const access = await tokenAccess(request);
    if (authorize) {
      await asPublisher(access, ip, (ask) => requireCredentials(ask, request, asking));
    } else if (access !== "granted") await refuseToken(access, ip);
    const wanted =
      request.method === "GET"
        ? readTrigger(request, ip)
        : await readPost(request, maxMessageBytes);
    const channels = [wanted.options.channel ?? DEFAULT_CHANNEL];
    const permission = await asPublisher(access, ip, (ask) =>
      requirePermission(ask, { request, channels, action: "publish" }, asking),
    );
    // Anonymous clients share their idempotency ids, but never with the server itself.
    const publisher = permission?.identity?.id ?? "";
    const message = await bus.publish(wanted.data, { ...wanted.options, publisher });
    return Response.json(message, {
      headers: {
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        ...corsHeaders(request, cors),
      },
    });
  }

  /** What the publish token of the request allows. Beside `authorize` it counts only where the host says so. */
  async function tokenAccess(request: Request): Promise<PublishAccess> {
    return authorize && !host.isTokenEnough ? "closed" : readPublishAccess(request, host.env());
  }

  async function refuseToken(
    access: Exclude<PublishAccess, "granted">,
    ip: string | undefined,
  ): Promise<never> {
    if (access === "wrong-token") await rate.penalise(ip);
    throw new Refusal(NO_ACCESS[access]);
  }

  /** Asks `authorize`, unless the publish token is enough. A wrong token that it does not accept is a guess. */
  async function asPublisher<Answer>(
    access: PublishAccess,
    ip: string | undefined,
    ask: (authorize: Authorize) => Promise<Answer>,
  ): Promise<Answer | undefined> {
    if (!authorize || access === "granted") return undefined;
    try {
      return await ask(authorize);
    } catch (error) {
      const isGuess = access === "wrong-token" && toRefusal(error).problem.status === 401;
      if (isGuess) await rate.penalise(ip);
      throw error;
    }
  }

  return async (request) => {
    if (request.method === "OPTIONS") return optionsResponse(request, ALLOW, cors);
    try {
      return await publish(request);
    } catch (error) {
      const refusal = toRefusal(error);
      const { problem } = refusal;
      if (problem.status === 500) onError(error as Error);
      countRefusal(connections, refusal);
      const headers = { ...problem.headers, ...corsHeaders(request, cors) };
      return problemResponse({ ...problem, headers });
    }
  };
}

/** HEAD is refused too: it must not change anything, and a trigger that answered it would publish. */
function checkMethod({ method }: Request): void {
  if (method === "GET" || method === "POST") return;
  throw new Refusal({
    status: 405,
    code: "METHOD_NOT_ALLOWED",
    detail: "Publish with GET ?msg=… or with POST and JSON.",
    headers: { Allow: ALLOW },
  });
}

const PREFETCH: Problem = {
  status: 403,
  code: "PREFETCH",
  detail: "A prefetch does not publish. The navigation itself does.",
};

const CROSS_SITE: Problem = {
  status: 403,
  code: "CROSS_SITE",
  detail: "A page of another origin may not publish here: add its origin to `cors.origins`.",
};

const TOKEN_REQUIRED: Problem = {
  status: 401,
  code: "UNAUTHORIZED",
  detail: "Send the publish token as `Authorization: Bearer <SSE_BUS_PUBLISH_TOKEN>`.",
  headers: { "WWW-Authenticate": "Bearer" },
};

const NO_ACCESS: Readonly<Record<Exclude<PublishAccess, "granted">, Problem>> = {
  closed: {
    status: 403,
    code: "PUBLISHING_CLOSED",
    detail:
      "Publishing over HTTP is closed in production: set SSE_BUS_PUBLISH_TOKEN and send it as `Authorization: Bearer`, or set SSE_BUS_OPEN_PUBLISH=1.",
  },
  "missing-token": TOKEN_REQUIRED,
  "wrong-token": TOKEN_REQUIRED,
};
