import type { OutgoingMessage } from "../core/bus-types.ts";
import { DEFAULT_CHANNEL } from "../core/channel-name.ts";
import { assertCount } from "../core/history.ts";
import { createAddressRate } from "./address-rate.ts";
import { answerHeaders, answerRequests } from "./answer-request.ts";
import { type HttpAnswer, jsonAnswer } from "./answer.ts";
import type { HttpCall, Handler } from "./call.ts";
import { assertCors, isCrossSite } from "./cors.ts";
import { assertAllowedHosts, checkHost } from "./host.ts";
import { FORBIDDEN, requireCredentials, requirePermission } from "./permission.ts";
import { isPrefetch } from "./prefetch.ts";
import type { Problem } from "./problem.ts";
import { type PublishAccess, readPublishAccess, TOKEN_REQUIRED } from "./publish-access.ts";
import type { PublishEnv, PublishRouteOptions } from "./publish-options.ts";
import { type PublishRequest, readPost, readTrigger } from "./publish-request.ts";
import type { Permission } from "./read-grant.ts";
import { Refusal, toRefusal } from "./refusal.ts";
import type { RequestHead } from "./request-head.ts";
import type { RouteContext } from "./route-context.ts";
import { crossSite } from "./usual-problems.ts";

export interface PublishHandlerHost {
  /** Read for each request: a build must not freeze the server's environment. */
  readonly env: () => PublishEnv;
  /** Whether the publish token also allows what `authorize` refuses. @default false */
  readonly isTokenEnough?: boolean;
}

const ALLOW = "GET, POST, OPTIONS";
const PUBLISHING = { done: "published", limit: "maxPublishesPerMinute" };

/** @throws SseBusError `INVALID_OPTION` */
export function createPublishHandler(
  context: RouteContext,
  options: PublishRouteOptions,
  host: PublishHandlerHost,
): Handler {
  const { bus, maxMessageBytes, onError } = context;
  const { authorize, authorizeTimeoutMs = 10_000, cors, maxPublishesPerMinute = 6000 } = options;
  assertCount(authorizeTimeoutMs, "authorizeTimeoutMs");
  assertCount(maxPublishesPerMinute, "maxPublishesPerMinute");
  assertCors(cors);
  assertAllowedHosts(options.allowedHosts);
  const rate = createAddressRate(maxPublishesPerMinute, PUBLISHING);
  const asking = { timeoutMs: authorizeTimeoutMs, onError };

  async function publish(call: HttpCall): Promise<HttpAnswer> {
    const { head, ip } = call;
    checkMethod(head);
    checkHost(head, options);
    if (isPrefetch(head)) throw new Refusal(PREFETCH);
    if (isCrossSite(head, cors)) throw new Refusal(CROSS_SITE);
    const spent = rate.spend(ip);
    if (spent) await spent;
    // Refused before a byte of the body is read.
    const access = tokenAccess(head);
    const asked = access === "granted" ? undefined : authorize;
    if (asked) {
      await asPublisher(access, ip, () => requireCredentials(asked, call, asking));
    } else if (access !== "granted") await refuseToken(access, ip);
    const wanted =
      head.method === "GET" ? readTrigger(call) : await readPost(call, maxMessageBytes);
    const channels = channelsOf(wanted);
    // The request itself has counted as one message.
    const others = "data" in wanted ? 0 : wanted.length - 1;
    // Otherwise it would retry, and use up the minute each time.
    if (spent && others >= maxPublishesPerMinute) throw overRate(others + 1, maxPublishesPerMinute);
    if (others > 0) await rate.spend(ip, others);
    const permission =
      asked &&
      channels.length > 0 &&
      (await asPublisher(access, ip, () =>
        requirePermission(asked, { request: call.request(), channels, action: "publish" }, asking),
      ));
    if (permission) assertAllGranted(permission, channels);
    // Anonymous clients share their idempotency ids, but never with the server itself.
    const publisher = (permission || undefined)?.identity?.id ?? "";
    const published =
      "data" in wanted
        ? await bus.publish(wanted.data, { ...wanted.options, publisher })
        : await bus.publishMany(
            wanted.map(({ data, options }) => ({ ...options, data, publisher }) as OutgoingMessage),
          );
    return jsonAnswer(published, answerHeaders(head, cors));
  }

  /** What the publish token of the request allows. Beside `authorize` it counts only where the host says so. */
  function tokenAccess(head: RequestHead): PublishAccess {
    return authorize && !host.isTokenEnough ? "closed" : readPublishAccess(head, host.env());
  }

  async function refuseToken(
    access: Exclude<PublishAccess, "granted">,
    ip: string | undefined,
  ): Promise<never> {
    if (access === "wrong-token") await rate.penalise(ip);
    throw new Refusal(NO_ACCESS[access]);
  }

  /** Asks `authorize`. A wrong token that it does not accept is a guess. */
  async function asPublisher<Permitted>(
    access: PublishAccess,
    ip: string | undefined,
    ask: () => Promise<Permitted>,
  ): Promise<Permitted> {
    try {
      return await ask();
    } catch (error) {
      const isGuess = access === "wrong-token" && toRefusal(error).problem.status === 401;
      if (isGuess) await rate.penalise(ip);
      throw error;
    }
  }

  return answerRequests(context, { allow: ALLOW, cors }, publish);
}

function overRate(messages: number, limit: number): Refusal {
  return new Refusal(
    {
      status: 413,
      code: "BATCH_TOO_LARGE",
      detail: `The batch has ${messages} messages, and an address may publish ${limit} a minute (\`maxPublishesPerMinute\`): publish it in parts.`,
    },
    { limit: "maxPublishesPerMinute" },
  );
}

function channelsOf(wanted: PublishRequest | readonly PublishRequest[]): readonly string[] {
  if ("data" in wanted) return [wanted.options.channel ?? DEFAULT_CHANNEL];
  return [...new Set(wanted.map(({ options }) => options.channel ?? DEFAULT_CHANNEL))];
}

/**
 * A grant may be for some of the channels only. A stream continues with these, but a batch is published as a whole.
 *
 * @throws Refusal `FORBIDDEN`
 */
function assertAllGranted({ channels: granted }: Permission, channels: readonly string[]): void {
  const names = new Set(granted);
  const refused = channels.filter((channel) => !names.has(channel));
  if (refused.length > 0) throw new Refusal({ ...FORBIDDEN, channels: refused });
}

/** HEAD is refused too: it must not change anything, and a trigger that answered it would publish. */
function checkMethod({ method }: RequestHead): void {
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

const CROSS_SITE = crossSite("publish here");

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
