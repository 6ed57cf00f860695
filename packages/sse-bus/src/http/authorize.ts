import { assertTopic, topicCovers } from "../core/channel-name.ts";
import { isSseBusError, SseBusError } from "../core/errors.ts";
import { isIdentityId } from "../core/message.ts";
import { type Problem, problemOf } from "./problem.ts";
import { startTimeout } from "../core/timers.ts";

/**
 * Decides whether a request may subscribe or publish. What it throws means no, and so does an answer
 * that does not come within `authorizeTimeoutMs`.
 *
 * An `SseBusError` with the code `AUTHORIZATION_UNAVAILABLE` means that it cannot tell just now: 503,
 * after which clients try again, as they do not after 403.
 */
export type Authorize = (context: AuthorizeContext) => Authorization | Promise<Authorization>;

export interface AuthorizeContext {
  /** For its headers and address; the body of a publish has been read. */
  readonly request: Request;
  /** What is asked for. Patterns are asked for, and to be judged, as patterns. */
  readonly channels: readonly string[];
  readonly action: "subscribe" | "publish";
}

/**
 * `true`: all of it. `false` or `403`: no. `401`: not without credentials. An object: yes, but only
 * these `channels` (each one asked for, or covered by a pattern asked for), and only until
 * `expiresAt` (ms since 1970), when `authorize` is asked again. `identity` says who it is: the
 * idempotency ids that a client publishes with are its own.
 */
export type Authorization = boolean | 401 | 403 | Grant;

export interface Grant {
  readonly channels?: readonly string[];
  readonly expiresAt?: number | Date;
  readonly identity?: Identity;
}

/** Who the client is, as far as `authorize` knows. */
export interface Identity {
  /** 1 to 200 characters, the same for all that are one user. */
  readonly id: string;
}

/** The outcome: what is granted, or the refusal. */
export type Decision =
  | {
      readonly channels: readonly string[];
      readonly expiresAt: number;
      readonly identity?: Identity | undefined;
    }
  | Refusal;

export interface Refusal {
  readonly problem: Problem;
  /** `authorize` answered, and the answer is no. */
  readonly isAnswered?: true;
}

export interface DecideOptions {
  readonly timeoutMs: number;
  readonly onError: (error: Error) => void;
}

/** Asks `authorize`; anything but a clear yes is a no. */
export async function decide(
  authorize: Authorize | undefined,
  context: AuthorizeContext,
  { timeoutMs, onError }: DecideOptions,
): Promise<Decision> {
  const all = { channels: context.channels, expiresAt: Number.POSITIVE_INFINITY };
  if (!authorize) return all;
  try {
    const asked = authorize(context);
    const answer =
      typeof asked === "object" && "then" in asked ? await inTime(asked, timeoutMs) : asked;
    if (answer === true) return all;
    if (answer === 401) return { problem: UNAUTHORIZED };
    if (typeof answer !== "object" || answer === null) return NO;
    const grant = readGrant(answer, context.channels);
    if (grant.channels.length === 0) return NO;
    // What has expired already grants nothing.
    return grant.expiresAt > Date.now() ? grant : { problem: UNAUTHORIZED };
  } catch (cause) {
    if (isSseBusError(cause) && cause.code === "AUTHORIZATION_UNAVAILABLE") {
      onError(cause);
      return { problem: { ...problemOf(cause), detail: UNAVAILABLE_DETAIL } };
    }
    const message = "`authorize` threw, which means no.";
    onError(new SseBusError("AUTHORIZATION_FAILED", message, { cause }));
    return { problem: FORBIDDEN };
  }
}

/** The rest of the story, which may name what is inside, is for `onError`. */
const UNAVAILABLE_DETAIL = "Permission cannot be checked just now: try again.";

async function inTime<T>(promise: PromiseLike<T>, timeoutMs: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `\`authorize\` has not answered within ${timeoutMs} ms, which means no.`;
    timer = startTimeout(
      () => reject(new SseBusError("AUTHORIZATION_UNAVAILABLE", message)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

const UNAUTHORIZED: Problem = {
  status: 401,
  code: "UNAUTHORIZED",
  detail: "Credentials are missing or no longer valid: send fresh ones.",
  headers: { "WWW-Authenticate": "Bearer" },
};

const FORBIDDEN: Problem = {
  status: 403,
  code: "FORBIDDEN",
  detail: "These credentials do not allow it: ask for other channels, or for access.",
};

const NO: Decision = { problem: FORBIDDEN, isAnswered: true };

/**
 * A mistake in `authorize` must not open what it did not mean to: not a channel that nobody asked
 * for, and not everything because it returned a `Response`, a list, or `channels: undefined`.
 */
function readGrant(grant: Grant, asked: readonly string[]): Exclude<Decision, Refusal> {
  const hasChannels = "channels" in grant;
  const hasExpiry = "expiresAt" in grant;
  const hasIdentity = "identity" in grant;
  if (!hasChannels && !hasExpiry && !hasIdentity)
    throw new Error("authorize returned an object that is no Grant");
  const channels = hasChannels ? new Set(readChannels(grant.channels, asked)) : asked;
  return {
    channels: [...channels],
    expiresAt: hasExpiry ? readExpiry(grant.expiresAt) : Number.POSITIVE_INFINITY,
    identity: hasIdentity ? readIdentity(grant.identity) : undefined,
  };
}

function readChannels(channels: unknown, asked: readonly string[]): string[] {
  if (!Array.isArray(channels)) throw new Error("authorize returned `channels` that are no list");
  return channels.map((topic: unknown) => {
    assertTopic(topic);
    if (asked.some((name) => topicCovers(name, topic))) return topic;
    throw new Error(`authorize granted "${topic}", which was not asked for`);
  });
}

function readExpiry(expiresAt: unknown): number {
  const time = expiresAt instanceof Date ? expiresAt.getTime() : expiresAt;
  if (typeof time === "number" && !Number.isNaN(time)) return time;
  throw new Error("authorize returned an `expiresAt` that is no time");
}

function readIdentity(identity: unknown): Identity {
  const id: unknown = (identity as Identity | null | undefined)?.id;
  if (isIdentityId(id)) return { id };
  throw new Error("authorize returned an `identity` whose `id` is not 1 to 200 characters of text");
}
