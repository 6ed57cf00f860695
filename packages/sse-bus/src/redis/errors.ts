import { SseBusError } from "../core/errors.ts";

export function closedError(): SseBusError {
  return new SseBusError("BUS_CLOSED", "The Redis backend is closed.");
}

export function timeoutError(what: string, ms: number): Error {
  return new Error(`No sign of ${what} in ${ms} ms`);
}

/**
 * `BACKEND_UNAVAILABLE` for a failed command or connection; `INVALID_OPTION` where a retry cannot help.
 */
export function unavailableError(cause: unknown): SseBusError {
  const { message } = cause as Error;
  if (message.startsWith("ANNOUNCE")) {
    return new SseBusError(
      "INVALID_OPTION",
      `Redis: ${message.replace(/^ANNOUNCE /, "")}, as it was begun: set \`sharded\` alike for all instances.`,
      { cause },
    );
  }
  return new SseBusError("BACKEND_UNAVAILABLE", `Redis: ${message}. ${remedyFor(message)}`, {
    cause,
  });
}

/** This server takes no writes: another one may have become the primary, so reconnect. */
export function isDemoted(cause: unknown): boolean {
  return /^(READONLY|MASTERDOWN|LOADING|MOVED|ASK|TRYAGAIN|CLUSTERDOWN)/.test(
    (cause as Error).message,
  );
}

/**
 * Another program has written to a key of a channel, so that nothing can be stored there. It concerns no other
 * channel.
 */
export function isBlockedChannel(cause: unknown): boolean {
  return /WRONGTYPE|equal or smaller than the target stream/.test((cause as Error).message);
}

function remedyFor(message: string): string {
  if (message.startsWith("OOM")) {
    return "The server is full: raise `maxmemory`, or keep less `history`.";
  }
  if (message.startsWith("READONLY")) {
    return "This is a replica: connect to the primary, or through Sentinel.";
  }
  if (message.startsWith("LOADING")) return "It reads its data from disk; try again in a moment.";
  if (message.startsWith("MOVED")) {
    return "Another node of the cluster holds this bus: make the client for the cluster.";
  }
  if (/^(NOAUTH|NOPERM|WRONGPASS)/.test(message)) {
    return "Give the client a user that may run EVALSHA, SUBSCRIBE and what docs/backends/redis.md lists.";
  }
  return "What was sent and not answered may be stored: publish with an `id` to make a retry safe.";
}
