/** Why a server ends an event stream, as told by `bye`. */
export type ByeReason = "drain" | "lifetime" | "slow" | "unauthorized";

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
  /** Tells the client `bye` and ends the stream. Idempotent. */
  readonly end: (reason: ByeReason, retryMs: number) => void;
}

/** All event streams of a bus, whichever route or bundle opened them. */
export interface ConnectionRegistry {
  readonly open: Set<Connection>;
  /** Open streams by client address; loopback is no client but a proxy or a tool. */
  readonly perClient: Map<string, number>;
  /** Shutting down: no new stream is opened. */
  isDraining: boolean;
  connects: number;
  /** Streams that have ended, by reason: `client`, `error` or a {@link ByeReason}. */
  readonly disconnects: Map<string, number>;
  /** Requests refused, by error code. */
  readonly refusals: Map<string, number>;
}

export function createConnectionRegistry(): ConnectionRegistry {
  return {
    open: new Set(),
    perClient: new Map(),
    isDraining: false,
    connects: 0,
    disconnects: new Map(),
    refusals: new Map(),
  };
}

/** Takes a stream into the registry. */
export function register(registry: ConnectionRegistry, connection: Connection): void {
  registry.open.add(connection);
  registry.connects++;
  const { ip } = connection;
  if (ip !== undefined && !isLoopback(ip)) increment(registry.perClient, ip);
}

/** Takes a stream out again, once. */
export function unregister(
  registry: ConnectionRegistry,
  connection: Connection,
  reason: string,
): void {
  if (!registry.open.delete(connection)) return;
  increment(registry.disconnects, reason);
  const { ip } = connection;
  const own = ip === undefined ? undefined : registry.perClient.get(ip);
  if (ip === undefined || own === undefined) return;
  if (own > 1) registry.perClient.set(ip, own - 1);
  else registry.perClient.delete(ip);
}

/** Adds one to a labelled count. */
export function increment(counts: Map<string, number>, label: string): void {
  counts.set(label, (counts.get(label) ?? 0) + 1);
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

/** Whether an address is this machine's own: a local proxy or a tool, which stands for no one client. */
export function isLoopback(ip: string): boolean {
  return ip.startsWith("127.") || ip === "::1";
}
