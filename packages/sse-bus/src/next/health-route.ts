import { connection } from "next/server.js";
import type { Bus } from "../core/bus-types.ts";
import type { ChannelMap } from "../core/types.ts";
import { createHealthHandler } from "../http/health-handler.ts";
import { routeContext } from "../http/route-context.ts";

/**
 * `GET /api/health` as a Next.js route handler: 200 `{"status":"ok","backend","connections",
 * "channels"}`, or 503 while the server drains or cannot reach its backend.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * // app/api/health/route.ts
 * export const { GET } = createHealthRoute({ bus });
 * ```
 */
export function createHealthRoute<Channels extends ChannelMap, Inputs extends ChannelMap>({
  bus,
}: {
  readonly bus: Bus<Channels, Inputs>;
}): { readonly GET: (request: Request) => Promise<Response> } {
  const handle = createHealthHandler(routeContext(bus));
  return {
    async GET(request) {
      await connection();
      return handle(request);
    },
  };
}
