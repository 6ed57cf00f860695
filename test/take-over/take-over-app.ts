import { countSinks, startCustom } from "../direct-sink/direct-app.ts";
import { type NextServer, type ServerOptions, startNext } from "../support/next-server.ts";
import { builtVariant } from "../support/variant.ts";

export type Host = "next start" | "the standalone server" | "a custom server";

/** Serves the variant with its streams taken over: `/api/sse` and `/api/guarded`. */
export async function startTaken(host: Host, options: ServerOptions = {}): Promise<NextServer> {
  const variant = await builtVariant();
  const env = { TAKE_OVER: "1", SSE_BUS_OPEN_PUBLISH: "1", ...options.env };
  const start = {
    "next start": () => startNext("start", { ...options, folder: variant.folder, env }),
    "the standalone server": () => variant.start({ ...options, env }),
    "a custom server": () => startCustom(variant, "http", env),
  };
  const app = await start[host]();
  // Next runs instrumentation.ts within its first request: what comes until then is answered by the route.
  await countSinks(app.url);
  return app;
}
