import type { ConnectionRegistry } from "./connections.ts";
import { fastPathsOff } from "./fast-paths.ts";
import { isReachable } from "./backend-probe.ts";
import type { SinkKind } from "./byte-sink.ts";
import type { RouteContext } from "./route-context.ts";

/**
 * Answers `/api/health`: 200 while streams can be opened and messages published, else 503. With
 * `?verbose` it counts the streams by how their bytes leave.
 */
export function createHealthHandler({
  bus,
  connections,
  engine,
}: RouteContext): (request: Request) => Promise<Response> {
  return async (request) => {
    const isConnected = await isReachable(engine);
    const stats = bus.stats();
    const isUp = isConnected && stats.status === "up";
    const status = connections.isDraining ? "draining" : isUp ? "ok" : "down";
    const { backend, channels } = stats;
    const off = fastPathsOff();
    const isVerbose = new URL(request.url).searchParams.has("verbose");
    return Response.json(
      {
        status,
        backend,
        connections: connections.open.size,
        channels,
        ...(off && { fastPathsOff: off }),
        ...(isVerbose && { sinks: countSinks(connections) }),
      },
      { status: status === "ok" ? 200 : 503, headers: { "Cache-Control": "no-store" } },
    );
  };
}

function countSinks({ open }: ConnectionRegistry): Record<SinkKind, number> {
  const counts = { direct: 0, web: 0 };
  for (const connection of open) counts[connection.sink()]++;
  return counts;
}
