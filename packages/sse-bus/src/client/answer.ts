/** Whether the response is an event stream, whatever its parameters say (HTML standard §9.2.3). */
export function isEventStream({ status, headers }: Response): boolean {
  return (
    status === 200 && /^\s*text\/event-stream\s*(;|$)/i.test(headers.get("content-type") ?? "")
  );
}

/** Whether another attempt may well succeed: RFC 9110 §15.5.9, RFC 8470, RFC 6585 §4, and all 5xx. */
export function isRetryable(status: number): boolean {
  return status >= 500 || [408, 425, 429].includes(status);
}

/** What `Retry-After` asks for in milliseconds, told in seconds or as a date (RFC 9110 §10.2.3). */
export function retryAfterMs(headers: Headers): number | undefined {
  const value = headers.get("retry-after");
  if (!value) return undefined;
  // A date by the server's clock where it tells the time: the user's may be hours off.
  const now = Date.parse(headers.get("date") ?? "") || Date.now();
  return Number(value) * 1_000 || Date.parse(value) - now || 0;
}
