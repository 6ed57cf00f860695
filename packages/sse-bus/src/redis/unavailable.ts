import { SseBusError } from "../core/errors.ts";

/** Redis is away, or refuses; what no waiting can mend is another code. */
export function unavailable(cause: unknown): SseBusError {
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

/** The server takes no writes for as long as it is the one we talk to: another may have its role. */
export function isDemoted(cause: unknown): boolean {
  return /^(READONLY|MASTERDOWN|LOADING|MOVED|ASK|TRYAGAIN|CLUSTERDOWN)/.test(
    (cause as Error).message,
  );
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
