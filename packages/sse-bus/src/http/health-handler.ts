import type { BusInternals } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import type { ConnectionRegistry } from "../core/connections.ts";
import type { Engine } from "../core/engine.ts";
import type { SinkKind } from "./byte-sink.ts";

/**
 * Answers `/api/health`: 200 while streams can be opened and messages published, else 503. With
 * `?verbose` it counts the streams by how their bytes leave.
 */
export function createHealthHandler(
  bus: Bus,
  { connections, engine }: BusInternals,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const isReachable = await opens(engine);
    const stats = bus.stats();
    const isUp = isReachable && stats.status === "up";
    const status = connections.isDraining ? "draining" : isUp ? "ok" : "down";
    const { backend, channels } = stats;
    const isVerbose = new URL(request.url).searchParams.has("verbose");
    return Response.json(
      {
        status,
        backend,
        connections: connections.open.size,
        channels,
        ...(isVerbose && { sinks: countSinks(connections) }),
      },
      { status: status === "ok" ? 200 : 503, headers: { "Cache-Control": "no-store" } },
    );
  };
}

/** A probe that waits for a backend that hangs would be taken for a server that hangs. */
const OPEN_TIMEOUT_MS = 2000;

/** A server that cannot reach its backend at start must say so, not stay silent. */
async function opens(engine: Engine): Promise<boolean> {
  if (engine.isOpened || engine.isClosed) return engine.isOpened;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, OPEN_TIMEOUT_MS, false);
  });
  const opened = engine.open().then(
    () => true,
    () => false,
  );
  return Promise.race([opened, late]).finally(() => clearTimeout(timer));
}

function countSinks({ open }: ConnectionRegistry): Record<SinkKind, number> {
  const counts = { direct: 0, web: 0 };
  for (const connection of open) counts[connection.sink()]++;
  return counts;
}
