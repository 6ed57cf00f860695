import { isSseBusError, SseBusError } from "../core/errors.ts";
import { askAuthenticate, askAuthorize } from "./ask-authorize.ts";
import type { Authorize, AuthorizeContext } from "./authorize.ts";
import type { HttpCall } from "./call.ts";
import type { Problem } from "./problem.ts";
import type { Permission } from "./read-grant.ts";
import { Refusal, toRefusal } from "./refusal.ts";
import { findRefused } from "./refused-channels.ts";

export interface PermissionOptions {
  /** See `authorizeTimeoutMs`. */
  readonly timeoutMs: number;
  readonly onError: (error: Error) => void;
}

/**
 * What `authorize` lets a request do.
 *
 * @throws Refusal 401, 403, or 503 if `authorize` cannot decide at the moment. A 403 names the refused
 * channels if the others would be granted.
 */
export async function requirePermission(
  authorize: Authorize,
  context: AuthorizeContext,
  options: PermissionOptions,
): Promise<Permission> {
  let answer;
  try {
    answer = await askAuthorize(authorize, context, options.timeoutMs);
  } catch (error) {
    report(error, options.onError);
    throw refusalOfFailure(error);
  }
  if (answer === 401) throw new Refusal(UNAUTHORIZED);
  if (answer !== 403) return answer;
  const channels = await findRefused(authorize, context, options.timeoutMs);
  throw new Refusal(channels.length > 0 ? { ...FORBIDDEN, channels } : FORBIDDEN);
}

/**
 * Checks credentials before the body of a publish is read, if `authorize` has a step for it. Otherwise strangers
 * could make the server read and parse bodies.
 *
 * @throws Refusal 401, 403 if the step throws, or 503 if it cannot decide at the moment
 */
export async function requireCredentials(
  { authenticate }: Authorize,
  call: Pick<HttpCall, "request">,
  options: PermissionOptions,
): Promise<void> {
  if (!authenticate) return;
  let isKnown;
  try {
    isKnown = await askAuthenticate(authenticate, call.request(), options.timeoutMs);
  } catch (error) {
    report(error, options.onError);
    throw refusalOfFailure(error);
  }
  if (!isKnown) throw new Refusal(UNAUTHORIZED);
}

/** Asks again for an open stream. `undefined`: it is not allowed any more. */
export async function renewPermission(
  authorize: Authorize,
  context: AuthorizeContext,
  options: PermissionOptions,
): Promise<Permission | undefined> {
  try {
    const answer = await askAuthorize(authorize, context, options.timeoutMs);
    return typeof answer === "object" ? answer : undefined;
  } catch (error) {
    report(error, options.onError);
    return undefined;
  }
}

function refusalOfFailure(error: unknown): Refusal {
  if (!isUnavailable(error)) return new Refusal(FORBIDDEN);
  // The error's own message may name internal systems; it goes to `onError` only.
  return new Refusal({ ...toRefusal(error).problem, detail: UNAVAILABLE_DETAIL });
}

/** An error that `authorize` throws again is the same failure: `jwtAuthorize` remembers one for some seconds. */
const reported = new WeakSet<Error>();

function report(cause: unknown, onError: (error: Error) => void): void {
  if (isUnavailable(cause)) {
    if (!reported.has(cause)) onError(cause);
    reported.add(cause);
    return;
  }
  const message = "`authorize` threw an error; access denied. Fix it: see `cause`.";
  onError(new SseBusError("AUTHORIZATION_FAILED", message, { cause }));
}

function isUnavailable(error: unknown): error is SseBusError {
  return isSseBusError(error) && error.code === "AUTHORIZATION_UNAVAILABLE";
}

const UNAVAILABLE_DETAIL = "Permission cannot be checked at the moment. Retry later.";

export const UNAUTHORIZED: Problem = {
  status: 401,
  code: "UNAUTHORIZED",
  detail: "Credentials are missing or no longer valid. Send fresh ones.",
  headers: { "WWW-Authenticate": "Bearer" },
};

export const FORBIDDEN: Problem = {
  status: 403,
  code: "FORBIDDEN",
  detail: "These credentials do not give access. Request other channels, or ask for access.",
};
