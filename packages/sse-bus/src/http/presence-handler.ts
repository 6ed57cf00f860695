import { assertChannel } from "../core/channel-name.ts";
import { createChannelPresence } from "../core/presence/bus-presence.ts";
import { presenceOf } from "../core/presence/presence.ts";
import { assertCount } from "../core/history.ts";
import { createAddressRate } from "./address-rate.ts";
import { answerHeaders, answerRequests } from "./answer-request.ts";
import { type HttpAnswer, jsonAnswer } from "./answer.ts";
import type { HttpCall, Handler } from "./call.ts";
import { assertCors, type CorsOptions, isCrossSite } from "./cors.ts";
import { assertAllowedHosts, checkHost, type HostOptions } from "./host.ts";
import { isPrefetch } from "./prefetch.ts";
import { queryOf } from "./request-head.ts";
import { readState } from "./presence-state.ts";
import type { Problem } from "./problem.ts";
import { readPublishAccess, TOKEN_REQUIRED } from "./publish-access.ts";
import type { PublishEnv } from "./publish-options.ts";
import { Refusal } from "./refusal.ts";
import type { RouteContext } from "./route-context.ts";
import { createStateRate } from "./state-rate.ts";
import { crossSite, methodNotAllowed } from "./usual-problems.ts";

/** Options of a presence route. */
export interface PresenceRouteOptions extends HostOptions {
  /** The other origins whose pages may set states. @default none */
  readonly cors?: CorsOptions;
  /** States per stream and minute; twenty times as many per client address. Further requests get 429. @default 600 */
  readonly maxStatesPerMinute?: number;
}

export interface PresenceHandlerHost {
  /** Read for each request: a build must not freeze the server's environment. */
  readonly env: () => PublishEnv;
}

const ALLOW = "GET, POST, OPTIONS";
/** Lists per minute and client address; a wrong token counts as a hundred. */
const MAX_LISTS_PER_MINUTE = 6000;

/** @throws SseBusError `INVALID_OPTION` */
export function createPresenceHandler(
  context: RouteContext,
  options: PresenceRouteOptions,
  host: PresenceHandlerHost,
): Handler {
  const { cors, maxStatesPerMinute = 600 } = options;
  assertCount(maxStatesPerMinute, "maxStatesPerMinute");
  assertCors(cors);
  assertAllowedHosts(options.allowedHosts);
  const stateRate = createStateRate(maxStatesPerMinute);
  const listRate = createAddressRate(MAX_LISTS_PER_MINUTE, {
    done: "listed members",
    limit: undefined,
  });

  async function answer(call: HttpCall): Promise<HttpAnswer> {
    const { head } = call;
    const { method } = head;
    if (method !== "GET" && method !== "POST") throw new Refusal(METHOD_NOT_ALLOWED);
    checkHost(head, options);
    if (isPrefetch(head)) throw new Refusal(PREFETCH);
    if (isCrossSite(head, cors)) throw new Refusal(CROSS_SITE);
    return method === "GET" ? list(call) : setState(call);
  }

  async function list({ head, ip }: HttpCall): Promise<HttpAnswer> {
    await listRate.spend(ip);
    const access = readPublishAccess(head, host.env());
    if (access === "wrong-token") await listRate.penalise(ip);
    if (access === "closed") throw new Refusal(CLOSED);
    if (access !== "granted") throw new Refusal(TOKEN_REQUIRED);
    const channel = queryOf(head).get("channel");
    assertChannel(channel);
    const members = await createChannelPresence(context, channel).list();
    const body = { channel, count: members.length, members };
    return jsonAnswer(body, answerHeaders(head, cors));
  }

  async function setState(call: HttpCall): Promise<HttpAnswer> {
    await stateRate.spendAddress(call.ip);
    const { connection, channel, state } = await readState(call);
    await stateRate.spendConnection(connection);
    const outcome = await presenceOf(context).states.set(connection, channel, state);
    if (outcome === "unknown-connection") throw new Refusal(UNKNOWN_CONNECTION);
    if (outcome === "not-a-member") throw new Refusal(NOT_A_MEMBER);
    // `sent`: the stream is on another instance, which decides whether there is such a stream.
    const status = outcome === "sent" ? 202 : 204;
    return { status, headers: answerHeaders(call.head, cors), body: null };
  }

  return answerRequests(context, { allow: ALLOW, cors }, answer);
}

const METHOD_NOT_ALLOWED = methodNotAllowed(
  ALLOW,
  "List members with GET ?channel=…, or set a state with POST and JSON.",
);

const PREFETCH: Problem = {
  status: 403,
  code: "PREFETCH",
  detail: "A prefetch does not list members. The navigation itself does.",
};

const CROSS_SITE = crossSite("use presence here");

const CLOSED: Problem = {
  status: 403,
  code: "PUBLISHING_CLOSED",
  detail:
    "Listing members over HTTP is closed in production: set SSE_BUS_PUBLISH_TOKEN and send it as `Authorization: Bearer`. Pages receive members on their stream (`presence=`).",
};

const UNKNOWN_CONNECTION: Problem = {
  status: 404,
  code: "UNKNOWN_CONNECTION",
  detail:
    "No open stream has this `connection`, or it has no identity: send the `connection` of the latest `hello`.",
};

const NOT_A_MEMBER: Problem = {
  status: 403,
  code: "FORBIDDEN",
  detail:
    "This stream does not make its client a member of the channel: request it with `channel=`, on a route with `presence`.",
};
