import type { ConnectionRegistry } from "./connections.ts";
import { fastPathsOff } from "./fast-paths.ts";
import { isReachable } from "./backend-probe.ts";
import type { SinkKind } from "./byte-sink.ts";
import { assertAllowedHosts, checkHost, type HostOptions } from "./host.ts";
import { problemResponse } from "./problem.ts";
import { countRefusal, toRefusal } from "./refusal.ts";
import type { RouteContext } from "./route-context.ts";

/**
 * Answers `/api/health`: 200 while streams can be opened and messages published, else 503. With
 * `?verbose` it counts the streams by how their bytes leave.
 *
 * @throws SseBusError `INVALID_OPTION`
 */
export function createHealthHandler(
  { bus, connections, engine }: RouteContext,
  options: HostOptions = {},
): (request: Request) => Promise<Response> {
  assertAllowedHosts(options.allowedHosts);

  async function answer(request: Request): Promise<Response> {
    checkHost(request, options);
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
  }

  return async (request) => {
    try {
      return await answer(request);
    } catch (error) {
      const refusal = toRefusal(error);
      if (refusal.problem.status === 500) throw error;
      countRefusal(connections, refusal);
      return problemResponse(refusal.problem);
    }
  };
}

function countSinks({ open }: ConnectionRegistry): Record<SinkKind, number> {
  const counts = { direct: 0, web: 0 };
  for (const connection of open) counts[connection.sink()]++;
  return counts;
}
