/** Whether the response is an event stream, whatever its parameters say (HTML standard §9.2.3). */
export function isEventStream(response: Response): boolean {
  const type = response.headers.get("content-type") ?? "";
  return response.status === 200 && /^\s*text\/event-stream\s*(;|$)/i.test(type);
}

/** Whether another attempt may well succeed: RFC 9110 §15.5.9, RFC 8470, RFC 6585 §4, and all 5xx. */
export function isRetryable(status: number): boolean {
  return status >= 500 || status === 408 || status === 425 || status === 429;
}

/** What `Retry-After` asks for in milliseconds (RFC 9110 §10.2.3), in seconds or as a date. */
export function retryAfterMs(headers: Headers): number | undefined {
  const value = headers.get("retry-after");
  if (!value) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1_000;
  // By the server's own clock where it tells it: the user's may be hours off.
  const now = Date.parse(headers.get("date") ?? "") || Date.now();
  return Math.max(0, Date.parse(value) - now) || undefined;
}
