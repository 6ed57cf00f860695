/**
 * What the client says of its connection, see SPEC.md:
 * - `idle`: nobody subscribes, so there is no connection
 * - `connecting`: a first connection is being made
 * - `open`: the stream is live: bytes have come within the watchdog's time
 * - `reconnecting`: the stream was lost; a new one is awaited or being made
 * - `paused`: the browser is offline, or has frozen or cached the page
 * - `closed`: `close()` was called
 * - `failed`: the server refused for good; only `reconnect()` or new wishes try again
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
 * - `need`, `release`: the first subscription came, the last one went
 * - `open`: the server's `hello` arrived
 * - `lost`: the stream broke, ended or fell silent, or an attempt failed in a way worth repeating
 * - `refuse`: the server gave a final answer
 * - `suspend`, `resume`: the browser went offline or froze the page, and came back
 * - `retry`: someone asked for another attempt after a final answer
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
 * The state after `event` in `state`. Pure and total: what has no meaning in a state leaves it.
 * The table in machine.test.ts spells out every pair.
 */
export function transition(state: SseStatus, event: SseClientEvent): SseStatus {
  if (state === "closed" || event === "close") return "closed";
  if (event === "release") return "idle";
  if (state === "idle") return event === "need" ? "connecting" : state;
  if (event === "open") return event;
  if (event === "refuse") return "failed";
  if (state === "failed") return event === "retry" ? "connecting" : state;
  if (event === "suspend") return "paused";
  if (state === "paused") return event === "resume" ? "reconnecting" : state;
  return event === "lost" ? "reconnecting" : state;
}
