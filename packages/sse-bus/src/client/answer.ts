import type { ErrorRecord } from "./protocol.ts";

/** Whether the response is an event stream, whatever its parameters say (HTML standard §9.2.3). */
export function isEventStream({ status, headers }: Response): boolean {
  const type = headers.get("content-type") ?? "";
  return status === 200 && /^\s*text\/event-stream\s*(;|$)/i.test(type);
}

/**
 * What an answer without an event stream means, and how long it says to wait (RFC 9110 §10.2.3).
 *
 * 408, 425, 429 and 5xx may well be different next time (RFC 9110 §15.5.9, RFC 8470, RFC 6585 §4);
 * anything else is final.
 */
export async function readAnswer(
  response: Response,
): Promise<[error: ErrorRecord, waitMs: number | undefined]> {
  const { status, headers } = response;
  const problem = { ...(await response.json().catch(() => {})), status };
  const why = problem.detail ?? headers.get("content-type");
  const after = headers.get("retry-after");
  return [
    [
      status >= 500 || [408, 425, 429].includes(status) ? "STREAM_LOST" : "STREAM_REFUSED",
      `Answered ${status}: ${why}`,
      { cause: problem },
    ],
    after ? Number(after) * 1_000 || Date.parse(after) - Date.now() || 0 : undefined,
  ];
}
