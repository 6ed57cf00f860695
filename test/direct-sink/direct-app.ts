import type { TestApp } from "../support/test-app.ts";
import { type NextServer, type ServerOptions, startNode } from "../support/next-server.ts";
import { freePort } from "../support/ports.ts";

/** How the app is served: as people do who do not run `next start`. */
export type CustomServer = "http" | "gzip";

/** Starts the app behind a server of its own, as in Next's guide to custom servers. */
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

/** Streams by how their bytes leave, as the server itself counts them. */
export async function countSinks(origin: string): Promise<{ direct: number; web: number }> {
  const response = await fetch(`${origin}/api/health?verbose`);
  return ((await response.json()) as { sinks: { direct: number; web: number } }).sinks;
}
