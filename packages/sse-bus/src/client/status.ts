/**
 * The status of a client's connection:
 * - `idle`: there are no subscriptions, and so no connection
 * - `connecting`: the first connection is being made
 * - `open`: the stream is live
 * - `reconnecting`: the stream was lost; the next attempt is due or under way
 * - `paused`: the browser has frozen or cached the page
 * - `closed`: `close()` was called
 * - `failed`: the server gave a final answer; `reconnect()`, `setToken()` or another subscription tries again
 */
export type SseStatus =
  | "idle"
  | "connecting"
  | "open"
  | "reconnecting"
  | "paused"
  | "closed"
  | "failed";

/**
 * What can happen to a connection:
 * - `need`, `release`: the first subscription was made, the last one has ended
 * - `open`: the server's `hello` arrived
 * - `lost`: the stream broke, ended or fell silent, or an attempt failed in a way worth repeating
 * - `refuse`: the server gave a final answer
 * - `suspend`, `resume`: the browser froze or cached the page, or shows it again
 * - `retry`: the client asks again after a final answer
 * - `close`: `close()` was called
 */
export type SseClientEvent =
  | "need"
  | "release"
  | "open"
  | "lost"
  | "refuse"
  | "suspend"
  | "resume"
  | "retry"
  | "close";

/**
 * The status after `event`. Pure and total: an event without a meaning in a status does not change it. The
 * table in status.test.ts lists every pair.
 */
export function transition(status: SseStatus, event: SseClientEvent): SseStatus {
  if (status === "closed" || event === "close") return "closed";
  if (event === "release") return "idle";
  if (status === "idle") return event === "need" ? "connecting" : status;
  if (event === "open") return event;
  if (event === "refuse") return "failed";
  if (status === "failed") return event === "retry" ? "connecting" : status;
  if (event === "suspend") return "paused";
  if (status === "paused") return event === "resume" ? "reconnecting" : status;
  return event === "lost" ? "reconnecting" : status;
}
