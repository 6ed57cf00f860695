import { type BusInternals, internalsOf } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { type ConnectionRegistry, connectionsOf } from "./connections.ts";

/** What every handler is made from: a bus, and what only the package's own routes use of it. */
export interface RouteContext extends BusInternals {
  /**
   * Handlers publish through it and not through the engine: the given bus may be a wrapper, as that of
   * `traced` is.
   */
  readonly bus: Bus;
  readonly connections: ConnectionRegistry;
}

/**
 * Reads the context from a bus, whatever its channel types are.
 *
 * @throws SseBusError `INVALID_OPTION` when `bus` was not made by `createBus`
 */
export function routeContext(bus: object): RouteContext {
  const internals = internalsOf(bus);
  return { ...internals, bus: bus as Bus, connections: connectionsOf(internals) };
}
