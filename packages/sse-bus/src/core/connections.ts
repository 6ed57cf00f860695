import type { Reader } from "./reader.ts";

/** Why a server ends an event stream, or refuses one for now, as `bye` tells it. */
export type ByeReason = "drain" | "lifetime" | "limit" | "slow" | "unauthorized" | "unavailable";

/** An open event stream, as health, drain and the inspector see it. */
export interface Connection {
  /** As told by `hello`. */
  readonly id: string;
  readonly channels: readonly string[];
  /** In ms since 1970. */
  readonly openedAt: number;
  /** How bytes leave: through a web stream, or straight to the Node response. */
  readonly sink: () => "web" | "direct";
  /** The client's address, where it is known. */
  readonly ip: string | undefined;
  /** Once it is open. */
  readonly reader: Reader | undefined;
  /** Tells the client `bye` and ends the stream. Idempotent. */
  readonly end: (reason: ByeReason, retryMs: number) => void;
}

/** All event streams of a bus, whichever route or bundle opened them. */
export interface ConnectionRegistry {
  readonly open: Set<Connection>;
  /** Streams that are open, and requests for one that `authorize` has still to answer. */
  places: number;
  /** Places by client, as {@link clientKey} tells them apart. */
  readonly perClient: Map<string, number>;
  /** Requests that wait for the history of patterns, by client. */
  readonly replays: Map<string, number>;
  /** Shutting down: no new stream is opened. */
  isDraining: boolean;
  connects: number;
  /** Streams that have ended, by reason: `client`, `error` or a {@link ByeReason}. */
  readonly disconnects: Map<string, number>;
  /** Requests refused, by error code. */
  readonly refusals: Map<string, number>;
  /** Times a limit was hit, by the name of its option. */
  readonly limitsHit: Map<string, number>;
}

export function createConnectionRegistry(): ConnectionRegistry {
  return {
    open: new Set(),
    places: 0,
    perClient: new Map(),
    replays: new Map(),
    isDraining: false,
    connects: 0,
    disconnects: new Map(),
    refusals: new Map(),
    limitsHit: new Map(),
  };
}

/**
 * Takes the place of a stream before `authorize` is asked: while that takes its time, any number of
 * requests would otherwise pass a limit that none of them counts against yet.
 */
export function takePlace(registry: ConnectionRegistry, ip: string | undefined): void {
  registry.places++;
  const client = clientKey(ip);
  if (client !== undefined) increment(registry.perClient, client);
}

/** Gives back the place of a stream that was not opened; an open one's goes with it. */
export function leavePlace(registry: ConnectionRegistry, ip: string | undefined): void {
  registry.places--;
  const client = clientKey(ip);
  if (client !== undefined) decrement(registry.perClient, client);
}

/** Counts a request as one that waits for the history of patterns, until the function is called. */
export function takeReplay({ replays }: ConnectionRegistry, ip: string | undefined): () => void {
  const client = clientKey(ip);
  if (client === undefined) return () => {};
  increment(replays, client);
  return () => decrement(replays, client);
}

/** Takes a stream that has a place into the registry. */
export function register(registry: ConnectionRegistry, connection: Connection): void {
  registry.open.add(connection);
  registry.connects++;
}

/** Takes a stream out again, once, and its place with it. */
export function unregister(
  registry: ConnectionRegistry,
  connection: Connection,
  reason: string,
): void {
  if (!registry.open.delete(connection)) return;
  increment(registry.disconnects, reason);
  leavePlace(registry, connection.ip);
}

/** Adds one to a labelled count. */
export function increment(counts: Map<string, number>, label: string): void {
  counts.set(label, (counts.get(label) ?? 0) + 1);
}

function decrement(counts: Map<string, number>, label: string): void {
  const count = counts.get(label) ?? 0;
  if (count > 1) counts.set(label, count - 1);
  else counts.delete(label);
}

/** Ends every stream, each client told to come back at its own moment. Idempotent. */
export function drainConnections(registry: ConnectionRegistry): void {
  registry.isDraining = true;
  const windowMs = drainWindowMs(registry.open.size);
  for (const connection of registry.open) {
    connection.end("drain", Math.round(MIN_RETRY_MS + Math.random() * windowMs));
  }
}

const MIN_RETRY_MS = 100;

/** A thousand reconnects a second are no stampede; a handful of clients need not wait. */
function drainWindowMs(clients: number): number {
  return Math.min(60_000, Math.max(500, clients));
}

/**
 * The client that an address stands for in limits. None for an unknown address, nor for loopback,
 * which is a local proxy or a tool and no one client. All of an IPv6 network of 64 bits is one
 * client: a subscriber gets that many addresses (RFC 6177) and could use each of them once.
 */
export function clientKey(ip: string | undefined): string | undefined {
  if (ip === undefined || ip.startsWith("127.") || ip === "::1") return undefined;
  return ip.includes(":") ? `${networkOf(ip)}/64` : ip;
}

function networkOf(ip: string): string {
  const [left = "", right] = ip.split("::");
  const head = left.split(":");
  const tail = right === undefined ? [] : right.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => "0");
  const cohorts = [...head, ...zeros, ...tail].slice(0, 4);
  return cohorts.map((cohort) => Number.parseInt(cohort || "0", 16).toString(16)).join(":");
}
