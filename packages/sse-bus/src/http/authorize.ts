import { assertTopic, topicCovers } from "../core/channel-name.ts";
import type { Problem } from "./problem.ts";

/** Decides whether a request may subscribe or publish; what it throws means no. */
export type Authorize = (context: AuthorizeContext) => Authorization | Promise<Authorization>;

export interface AuthorizeContext {
  readonly request: Request;
  /** What is asked for. Patterns are asked for, and to be judged, as patterns. */
  readonly channels: readonly string[];
  readonly action: "subscribe" | "publish";
}

/**
 * `true`: all of it. `false` or `403`: no. `401`: not without credentials. An object: yes, but only
 * these `channels` (each one asked for, or covered by a pattern asked for), and only until
 * `expiresAt` (ms since 1970), when `authorize` is asked again.
 */
export type Authorization = boolean | 401 | 403 | Grant;

export interface Grant {
  readonly channels?: readonly string[];
  readonly expiresAt?: number | Date;
}

/** The outcome: what is granted, or the refusal. */
export type Decision =
  | { readonly channels: readonly string[]; readonly expiresAt: number }
  | { readonly problem: Problem };

/** Asks `authorize`; anything but a clear yes is a no. */
export async function decide(
  authorize: Authorize | undefined,
  context: AuthorizeContext,
  onError: (error: Error) => void,
): Promise<Decision> {
  const all = { channels: context.channels, expiresAt: Number.POSITIVE_INFINITY };
  if (!authorize) return all;
  try {
    const answer = await authorize(context);
    if (answer === true) return all;
    if (answer === 401) return { problem: UNAUTHORIZED };
    if (typeof answer !== "object" || answer === null) return { problem: FORBIDDEN };
    const channels = answer.channels ?? context.channels;
    for (const topic of channels) assertGranted(topic, context.channels);
    if (channels.length === 0) return { problem: FORBIDDEN };
    return { channels: [...new Set(channels)], expiresAt: readExpiry(answer.expiresAt) };
  } catch (error) {
    onError(error as Error);
    return { problem: FORBIDDEN };
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

/** A typing error in `authorize` must not open a channel that nobody asked for. */
function assertGranted(topic: string, asked: readonly string[]): void {
  assertTopic(topic);
  const isAsked = asked.some((name) => name === topic || topicCovers(name, topic));
  if (!isAsked) throw new Error(`authorize granted "${topic}", which was not asked for`);
}

function readExpiry(expiresAt: number | Date | undefined): number {
  if (expiresAt === undefined) return Number.POSITIVE_INFINITY;
  const time = Number(expiresAt);
  if (Number.isNaN(time)) throw new Error("authorize returned an `expiresAt` that is no time");
  return time;
}
