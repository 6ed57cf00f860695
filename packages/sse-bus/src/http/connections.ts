import { attachmentOf, type BusInternals } from "../core/bus-internals.ts";
import type { Reader } from "../core/cohort.ts";
import type { Identity } from "./authorize.ts";
import type { SinkKind } from "./byte-sink.ts";
import { clientKey } from "./client-key.ts";

/** Why a server ends an event stream, or refuses one for now: the `reason` of `bye`. */
export type ByeReason =
  | "drain"
  | "lifetime"
  | "limit"
  | "page"
  | "revoked"
  | "slow"
  | "unauthorized"
  | "unavailable";

/** An open event stream, as health, drain and the inspector see it. */
export interface Connection {
  /** The `connection` of its `hello`. */
  readonly id: string;
  readonly channels: readonly string[];
  /** The channels whose presence it delivers, if it delivers any. */
  readonly follows?: readonly string[];
  /** In ms since 1970. */
  readonly openedAt: number;
  /** How bytes leave: through a web stream, or straight to the Node response. */
  readonly sink: () => "web" | "direct";
  /** The client's address, where it is known. */
  readonly ip: string | undefined;
  /** The client, where `authorize` identifies it. */
  readonly identity?: Identity | undefined;
  /** Whether its route has `authorize`, so that a client that reconnects is checked again. */
  readonly isAuthorized: boolean;
  /** It ends with a page, and is not counted among the streams that were opened and have ended. */
  readonly isPage: boolean;
  /** `undefined` until it is open. */
  readonly reader: Reader | undefined;
  /** Sends `bye` and ends the stream. Idempotent. */
  readonly end: (reason: ByeReason, retryMs: number) => void;
  /** Sends `bye` "revoked" and ends the stream; what the client does not read soon is dropped. Idempotent. */
  readonly revoke: (retryMs: number, code: string | undefined) => void;
}

/** All event streams of a bus, whichever route or bundle opened them. */
export interface ConnectionRegistry {
  readonly open: Set<Connection>;
  /** Open streams, and requests for one that wait for `authorize`. */
  places: number;
  /** Places by client; see {@link clientKey}. */
  readonly perClient: Map<string, number>;
  /** Streams by the id of their identity. */
  readonly perIdentity: Map<string, number>;
  /** Requests that wait for the history of patterns, by client. */
  readonly replays: Map<string, number>;
  /** Shutting down: no new stream is opened. */
  isDraining: boolean;
  connects: number;
  /** Requests for a page that were neither refused nor waiting for `authorize`. */
  pages: number;
  /** Streams that have ended, by reason: `client`, `error` or a {@link ByeReason}. */
  readonly disconnects: Map<string, number>;
  /** Requests refused, by error code. */
  readonly refusals: Map<string, number>;
  /** Times a limit was hit, by the name of its option. */
  readonly limitsHit: Map<string, number>;
}

/**
 * The registry of a bus, made by the first call. It is kept with the bus, not in this module: bundles
 * have copies of the module, and all of them count the same streams.
 */
export function connectionsOf(internals: BusInternals): ConnectionRegistry {
  return attachmentOf(internals, "connections", createRegistry);
}

/**
 * Takes the place of a stream before `authorize` runs. Otherwise any number of requests could pass a
 * limit while they wait for it, because none of them is counted yet.
 */
export function takePlace(registry: ConnectionRegistry, ip: string | undefined): void {
  registry.places++;
  const client = clientKey(ip);
  if (client !== undefined) increment(registry.perClient, client);
}

/** Frees the place of a stream that was not opened; {@link unregister} frees that of an open one. */
export function freePlace(registry: ConnectionRegistry, ip: string | undefined): void {
  registry.places--;
  const client = clientKey(ip);
  if (client !== undefined) decrement(registry.perClient, client);
}

/** Counts a request that waits for the history of patterns, until the returned function is called. */
export function takeReplay({ replays }: ConnectionRegistry, ip: string | undefined): () => void {
  const client = clientKey(ip);
  if (client === undefined) return () => {};
  increment(replays, client);
  return () => decrement(replays, client);
}

/** Adds a stream that has a place. */
export function register(registry: ConnectionRegistry, connection: Connection): void {
  registry.open.add(connection);
  if (connection.isPage) registry.pages++;
  else registry.connects++;
  if (connection.identity) increment(registry.perIdentity, connection.identity.id);
}

/** Removes a stream and frees its place. Idempotent. */
export function unregister(
  registry: ConnectionRegistry,
  connection: Connection,
  reason: string,
): void {
  if (!registry.open.delete(connection)) return;
  if (!connection.isPage) increment(registry.disconnects, reason);
  freePlace(registry, connection.ip);
  if (connection.identity) decrement(registry.perIdentity, connection.identity.id);
}

/** How many streams leave in which way. */
export function countSinks({ open }: ConnectionRegistry): Record<SinkKind, number> {
  const counts = { direct: 0, web: 0 };
  for (const connection of open) counts[connection.sink()]++;
  return counts;
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

function createRegistry(): ConnectionRegistry {
  return {
    open: new Set(),
    places: 0,
    perClient: new Map(),
    perIdentity: new Map(),
    replays: new Map(),
    isDraining: false,
    connects: 0,
    pages: 0,
    disconnects: new Map(),
    refusals: new Map(),
    limitsHit: new Map(),
  };
}
