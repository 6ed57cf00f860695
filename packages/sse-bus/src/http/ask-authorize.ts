import { SseBusError } from "../core/errors.ts";
import { withTimeout } from "../core/timers.ts";
import type { Authorize, AuthorizeContext } from "./authorize.ts";
import { type Permission, readGrant } from "./read-grant.ts";

/**
 * Calls `authorize` and reads its answer. `401`: credentials are missing or expired. `403`: access is denied,
 * which is also what every answer means that is not a clear yes.
 *
 * @throws whatever `authorize` throws; `AUTHORIZATION_UNAVAILABLE` if it does not answer in time
 */
export async function askAuthorize(
  authorize: Authorize,
  context: AuthorizeContext,
  timeoutMs: number,
): Promise<Permission | 401 | 403> {
  const returned = authorize(context);
  const answer = isPromise(returned) ? await inTime(returned, timeoutMs) : returned;
  if (answer === true) return { channels: context.channels, expiresAt: Number.POSITIVE_INFINITY };
  if (answer === 401) return 401;
  if (typeof answer !== "object" || answer === null) return 403;
  const permission = readGrant(answer, context.channels);
  if (permission.channels.length === 0) return 403;
  return permission.expiresAt > Date.now() ? permission : 401;
}

/**
 * Whether `authenticate` accepts the credentials of a request. Any result but `true` denies access.
 *
 * @throws the error of `authenticate`; `AUTHORIZATION_UNAVAILABLE` if it does not answer in time
 */
export async function askAuthenticate(
  authenticate: NonNullable<Authorize["authenticate"]>,
  request: Request,
  timeoutMs: number,
): Promise<boolean> {
  const answer: unknown = await inTime(Promise.resolve(authenticate(request)), timeoutMs);
  return answer === true;
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === "object" && value !== null && "then" in value;
}

async function inTime<T>(answer: Promise<T>, timeoutMs: number): Promise<T> {
  return withTimeout(answer, timeoutMs, () => timeoutError(timeoutMs));
}

function timeoutError(timeoutMs: number): SseBusError {
  const message = `\`authorize\` did not answer within ${timeoutMs} ms (\`authorizeTimeoutMs\`); access denied.`;
  return new SseBusError("AUTHORIZATION_UNAVAILABLE", message);
}
