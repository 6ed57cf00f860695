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

/** Starts Varnish with default caching, which may pass or pipe streams. */
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
      ${streams ? `sub vcl_recv { if (req.url ~ "^/(api|sse)") { return (${streams}); } }` : ""}
    `,
    args({ port, folder, file }) {
      const listen = ["-F", "-f", file, "-a", `127.0.0.1:${port}`];
      return [...listen, "-n", join(folder, "work"), "-s", "malloc,16m"];
    },
  });
}
