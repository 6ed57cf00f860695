import { type BusInternals, internalsOf } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { assertTopic } from "../core/channel-name.ts";
import { retireInstance } from "../core/instances/instances.ts";
import type { ChannelMap } from "../core/types.ts";
import { type Connection, connectionsOf } from "./connections.ts";

const MIN_RETRY_MS = 100;
const MIN_WINDOW_MS = 500;
const MAX_WINDOW_MS = 60_000;

/**
 * Ends every stream of a server that shuts down, and what runs in `bus.whileSubscribed`; no new one is opened.
 * Idempotent.
 */
export function drainConnections(internals: BusInternals): void {
  const connections = connectionsOf(internals);
  connections.isDraining = true;
  endAll([...connections.open], drainOne);
  retireInstance(internals);
}

/**
 * Ends every event stream of a bus in this process with `bye` "drain", each with a random delay to reconnect, and
 * opens no more. Call it before a server that shuts down stops to listen. Idempotent.
 *
 * @example
 * ```ts
 * process.once("SIGTERM", () => {
 *   drainBus(bus);
 *   server.close();
 * });
 * ```
 */
export function drainBus<Channels extends ChannelMap, Inputs extends ChannelMap>(
  bus: Bus<Channels, Inputs>,
): void {
  drainConnections(internalsOf(bus));
}

/**
 * Ends the event streams of this process that carry a channel or pattern, each with `bye` "drain".
 * Their clients reconnect, to this instance or another one, and resume. The bus keeps running, unlike
 * in a shutdown: use it to move some of a server's readers to other instances.
 *
 * @returns how many streams were ended
 * @throws SseBusError `INVALID_CHANNEL`, `INVALID_OPTION`
 * @example
 * ```ts
 * drainStreams(bus, "orders/42");
 * ```
 */
export function drainStreams<Channels extends ChannelMap, Inputs extends ChannelMap>(
  bus: Bus<Channels, Inputs>,
  channel: string,
): number {
  assertTopic(channel);
  const { open } = connectionsOf(internalsOf(bus));
  const carrying = [...open].filter(({ channels }) => channels.includes(channel));
  endAll(carrying, drainOne);
  return carrying.length;
}

/**
 * Each client gets a random delay, so that they do not all reconnect at once: about a thousand per
 * second, and no long wait where there are few.
 */
export function endAll(
  connections: readonly Connection[],
  end: (connection: Connection, retryMs: number) => void,
): void {
  const windowMs = Math.min(MAX_WINDOW_MS, Math.max(MIN_WINDOW_MS, connections.length));
  for (const connection of connections) {
    end(connection, Math.round(MIN_RETRY_MS + Math.random() * windowMs));
  }
}

function drainOne(connection: Connection, retryMs: number): void {
  connection.end("drain", retryMs);
}
