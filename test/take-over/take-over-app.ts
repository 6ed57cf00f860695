import { countSinks, startCustom } from "../direct-sink/direct-app.ts";
import { type NextServer, type ServerOptions, startNext } from "../support/next-server.ts";
import { builtTestApp } from "../support/test-app.ts";

export type Host = "next start" | "the standalone server" | "a custom server";

/** Serves the test app with the streams of `/api/sse` and `/api/guarded` taken over. */
export async function startTaken(host: Host, options: ServerOptions = {}): Promise<NextServer> {
  const testApp = await builtTestApp();
  const env = { TAKE_OVER: "1", SSE_BUS_OPEN_PUBLISH: "1", ...options.env };
  const start = {
    "next start": () => startNext("start", { ...options, folder: testApp.folder, env }),
    "the standalone server": () => testApp.start({ ...options, env }),
    "a custom server": () => startCustom(testApp, "http", env),
  };
  const app = await start[host]();
  // Next.js runs instrumentation.ts within its first request: until then the route serves streams.
  await countSinks(app.url);
  return app;
}
