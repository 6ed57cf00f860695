import { join } from "node:path";

import { startProxy } from "./proxy.ts";
import type { Restartable } from "./restartable.ts";

export interface VarnishOptions {
  /**
   * What Varnish does with event streams. `pass` fetches uncached, `pipe` connects the sockets.
   * @default what it does with any other response
   */
  readonly streams?: "pass" | "pipe";
}

/** Starts Varnish, which caches as it does by default and may pass or pipe `/api/sse`. */
export async function startVarnish(
  upstreamPort: number,
  { streams }: VarnishOptions = {},
): Promise<Restartable> {
  return startProxy({
    program: "varnish",
    config: () => `
      vcl 4.0;
      backend default {
        .host = "127.0.0.1";
        .port = "${upstreamPort}";
      }
      ${streams ? `sub vcl_recv { if (req.url ~ "^/api/") { return (${streams}); } }` : ""}
    `,
    args({ port, folder, file }) {
      const listen = ["-F", "-f", file, "-a", `127.0.0.1:${port}`];
      return [...listen, "-n", join(folder, "work"), "-s", "malloc,16m"];
    },
  });
}
