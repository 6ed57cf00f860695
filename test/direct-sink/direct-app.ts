import type { TestApp } from "../support/test-app.ts";
import { type NextServer, type ServerOptions, startNode } from "../support/next-server.ts";
import { freePort } from "../support/ports.ts";

/** Ways to serve an app other than `next start`. */
export type CustomServer = "http" | "gzip";

/** Starts the app behind a custom server, as in the guide of Next.js. */
export async function startCustom(
  { folder }: TestApp,
  kind: CustomServer,
  more: ServerOptions["env"] = {},
): Promise<NextServer> {
  const port = await freePort();
  const env = {
    PORT: String(port),
    SERVER: kind,
    NODE_ENV: "production",
    SSE_BUS_OPEN_PUBLISH: "1",
    ...more,
  };
  return startNode(["server.mjs"], { folder, port, env });
}

/** Numbers of streams by sink, as counted by the server. */
export async function countSinks(origin: string): Promise<{ direct: number; web: number }> {
  const response = await fetch(`${origin}/api/health?verbose`);
  return ((await response.json()) as { sinks: { direct: number; web: number } }).sinks;
}
