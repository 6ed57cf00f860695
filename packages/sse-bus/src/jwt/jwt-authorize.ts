import type { JWTPayload } from "jose";
import { assertTopic, topicCovers } from "../core/channel-name.ts";
import { assertCount } from "../core/history.ts";
import { isIdentityId } from "../core/message.ts";
import type { Authorization, Authorize, AuthorizeContext, Identity } from "../http/authorize.ts";
import type { JwtAuthorizeOptions, JwtGrants } from "./jwt-options.ts";
import { readToken } from "./read-token.ts";
import { createVerifier } from "./verify-token.ts";

/**
 * Lets JSON Web Tokens (RFC 7519) decide who may read and publish which channels. For `authorize` of
 * `createSseRoute`, `createPublishRoute` and the hub. Needs `jose`, which the app installs.
 *
 * A token names channels and patterns in one claim:
 *
 * ```json
 * { "sse_bus": { "subscribe": ["orders/*", "news"], "publish": ["orders/7"] }, "exp": 1893456000 }
 * ```
 *
 * `orders/*` allows `orders/7` and the pattern `orders/*` itself, but not `orders/**`. Of several requested channels,
 * those that the token allows are granted; if it allows none, the answer is 403. Without a valid token it is 401. The
 * token's `sub` is the client's identity, and `infoClaim` names the claim with its `info`. At `exp` a stream ends with `bye` "unauthorized", and the client reconnects
 * with a fresh token.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * import { jwtAuthorize } from "sse-bus/jwt";
 *
 * const authorize = jwtAuthorize({
 *   jwksUrl: "https://login.example.com/.well-known/jwks.json",
 *   issuer: "https://login.example.com/",
 *   audience: "live-updates",
 * });
 * export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = createSseRoute({ bus, authorize });
 * ```
 */
export function jwtAuthorize(options: JwtAuthorizeOptions): Authorize {
  const { claim = "sse_bus", infoClaim, cookie = "sse_bus_token", queryParameter } = options;
  const { clockToleranceMs = 0, grants = (payload) => payload[claim] as JwtGrants } = options;
  assertCount(clockToleranceMs, "clockToleranceMs", 0);
  const verify = createVerifier(options);
  const sources = { cookie, queryParameter };

  /** Of requests that `authorize` has not been asked about since `authenticate` accepted their token. */
  const verified = new WeakMap<Request, VerifiedToken>();

  /**
   * Uses the result of `authenticate` once, only for the same token, and only until that expires. A request may
   * be asked about again much later, as that of an open stream is: the token is then verified again.
   */
  async function payloadOf(context: AuthorizeContext): Promise<JWTPayload | undefined> {
    const { request } = context;
    const token = readToken(context, sources);
    if (token === undefined) return undefined;
    const known = verified.get(request);
    verified.delete(request);
    const isCurrent =
      known?.token === token && Date.now() < expiryOf(known.payload, clockToleranceMs);
    return isCurrent ? known.payload : verify(token);
  }

  async function authorize(context: AuthorizeContext): Promise<Authorization> {
    const payload = await payloadOf(context);
    if (!payload) return 401;
    const allowed = readTopics(grants(payload), context.action);
    const decision = decideChannels(context, allowed, expiryOf(payload, clockToleranceMs));
    return typeof decision === "object"
      ? { ...decision, ...identityOf(payload, infoClaim) }
      : decision;
  }

  async function authenticate(request: Request): Promise<boolean> {
    const token = readToken({ request, action: "publish" }, sources);
    const payload = token === undefined ? undefined : await verify(token);
    if (token === undefined || payload === undefined) return false;
    verified.set(request, { token, payload });
    return true;
  }

  return Object.assign(authorize, { authenticate });
}

/** A token that a request has, and its checked payload. */
interface VerifiedToken {
  readonly token: string;
  readonly payload: JWTPayload;
}

function decideChannels(
  { channels }: AuthorizeContext,
  allowed: readonly string[],
  expiresAt: number,
): Authorization {
  const granted = channels.filter((asked) => allowed.some((topic) => topicCovers(topic, asked)));
  return granted.length === 0 ? 403 : { channels: granted, expiresAt };
}

/** A malformed claim grants nothing. */
function readTopics(grants: unknown, action: AuthorizeContext["action"]): string[] {
  const topics: unknown = (grants as JwtGrants | null | undefined)?.[action];
  if (!Array.isArray(topics)) return [];
  return topics.map((topic: unknown) => {
    assertTopic(topic);
    return topic;
  });
}

function expiryOf({ exp }: JWTPayload, clockToleranceMs: number): number {
  return exp === undefined ? Number.POSITIVE_INFINITY : exp * 1000 + clockToleranceMs;
}

/** A `sub` that cannot be an identity is ignored: RFC 7519 §4.1.2 does not limit it. */
function identityOf(
  payload: JWTPayload,
  infoClaim: string | undefined,
): { readonly identity?: Identity } {
  const { sub: id } = payload;
  if (!isIdentityId(id)) return {};
  const hasInfo = infoClaim !== undefined && Object.hasOwn(payload, infoClaim);
  return { identity: hasInfo ? { id, info: payload[infoClaim] } : { id } };
}
