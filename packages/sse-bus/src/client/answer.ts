import type { ErrorRecord } from "./protocol.ts";

/** Whether the response is an event stream, whatever its parameters say (HTML standard §9.2.3). */
export function isEventStream({ status, headers }: Response): boolean {
  const type = headers.get("content-type") ?? "";
  return status === 200 && /^\s*text\/event-stream\s*(;|$)/i.test(type);
}

/** What the client reads of problem details. Another server's may have anything in them. */
export interface AnswerProblem {
  readonly status?: number;
  readonly code?: unknown;
  readonly channels?: Partial<readonly string[]> | null;
}

/** Whether the server takes fewer channels at once. Some proxies answer only 400 to a long URL. */
export function isTooMany({ status, code }: AnswerProblem, channels: readonly string[]): boolean {
  const isTooLong = status === 400 && !code && channels.join().length > 2_000;
  return code === "TOO_MANY_CHANNELS" || status === 414 || status === 431 || isTooLong;
}

/** How long the response asks to wait (RFC 9110 §10.2.3). */
export function retryAfterMs({ headers }: Response): number | undefined {
  const after = headers.get("retry-after");
  return after ? Number(after) * 1_000 || Date.parse(after) - Date.now() || 0 : undefined;
}

/**
 * What a response without an event stream means.
 *
 * 408, 425, 429 and 5xx are temporary (RFC 9110 §15.5.9, RFC 8470, RFC 6585 §4); anything else is final.
 * But where a stream was open before, only the refusals of an sse-bus server are final: during a deployment,
 * proxies answer all kinds of things in its place.
 */
export async function readAnswer(response: Response, wasOpen?: boolean): Promise<ErrorRecord> {
  const { status, headers } = response;
  const type = headers.get("content-type");
  const problem = { ...(await response.json().catch(() => {})), status };
  const isOurs = problem.code && /problem\+json/i.test(type as string);
  const mayPass = status >= 500 || [408, 425, 429].includes(status) || (wasOpen && !isOurs);
  return {
    code: mayPass ? "STREAM_LOST" : "STREAM_REFUSED",
    message: `Answered ${status}: ${problem.detail ?? type}`,
    cause: problem,
  };
}
