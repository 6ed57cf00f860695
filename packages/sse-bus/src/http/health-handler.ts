import type { BusInternals } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";

/** Answers `/api/health`: 200 while streams can be opened and messages published, else 503. */
export function createHealthHandler(
  bus: Bus,
  { connections, engine }: BusInternals,
): (request: Request) => Promise<Response> {
  return async () => {
    // A server that cannot reach its backend at start must say so, not stay silent.
    const isReachable = await engine.open().then(
      () => true,
      () => false,
    );
    const stats = bus.stats();
    const isUp = isReachable && stats.status === "up";
    const status = connections.isDraining ? "draining" : isUp ? "ok" : "down";
    const { backend, channels } = stats;
    return Response.json(
      { status, backend, connections: connections.open.size, channels },
      { status: status === "ok" ? 200 : 503, headers: { "Cache-Control": "no-store" } },
    );
  };
}
