import { serverWaitMs } from "./backoff.ts";
import type { ErrorRecord } from "./protocol.ts";

/** Whether the response is an event stream, whatever its parameters say (HTML standard §9.2.3). */
export function isEventStream({ status, headers }: Response): boolean {
  const type = headers.get("content-type") as string;
  return status === 200 && /^\s*text\/event-stream\s*(;|$)/i.test(type);
}

/** What the client reads of problem details. Another server's may have anything in them. */
export interface AnswerProblem {
  readonly status?: number;
  readonly code?: unknown;
  readonly channels?: Partial<readonly string[]> | null;
}

export const REVOKED =
  "The server revoked the access of this stream (`bus.disconnect`). Sign in again, then call `reconnect()`.";

export const DENIED =
  "The server does not grant this channel. Check `authorize`, then call `reconnect()`.";

/** Whether the server takes fewer channels at once. Some proxies answer only 400 to a long URL. */
export function isTooMany({ status, code }: AnswerProblem, channels: readonly string[]): boolean {
  const isTooLong = status === 400 && !code && channels.join().length > 2_000;
  return code === "TOO_MANY_CHANNELS" || status === 414 || status === 431 || isTooLong;
}

/** How long the response asks to wait (RFC 9110 §10.2.3). */
export function retryAfterMs({ headers }: Response): number | undefined {
  const after = headers.get("retry-after");
  return after ? serverWaitMs(Number(after) * 1_000 || Date.parse(after) - Date.now()) : undefined;
}

/**
 * What a response without an event stream means.
 *
 * 408, 425, 429 and 5xx are temporary (RFC 9110 §15.5.9, RFC 8470, RFC 6585 §4); anything else is final.
 * But where a stream was open before, only the refusals of a stream route are final: problem details of 400 to
 * 403 with a code. During a deployment, proxies answer in its place, redirect to other routes, and send the
 * path to the wrong server, whose 404 may be a hub's.
 */
export async function readAnswer(response: Response, wasOpen?: boolean): Promise<ErrorRecord> {
  const { status, headers, redirected } = response;
  const type = headers.get("content-type");
  const problem = { ...(await response.json().catch(() => {})), status };
  const isOurs =
    /problem\+json/i.test(type as string) && status < 404 && /^[A-Z_]+$/.test(problem.code);
  const isFinal = !wasOpen || (isOurs && !redirected);
  const mayPass = status >= 500 || [408, 425, 429].includes(status) || !isFinal;
  return {
    code: mayPass ? "STREAM_LOST" : "STREAM_REFUSED",
    message: `Answered ${status}: ${problem.detail ?? type}`,
    cause: problem,
  };
}
