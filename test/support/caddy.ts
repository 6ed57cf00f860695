import { startProxy } from "./proxy.ts";
import type { Restartable } from "./restartable.ts";

export interface CaddyOptions {
  /** Lines added to the site, such as `"encode gzip"`. */
  readonly site?: string;
}

/** Starts Caddy as a plain HTTP reverse proxy. */
export async function startCaddy(
  upstreamPort: number,
  options: CaddyOptions = {},
): Promise<Restartable> {
  return startCaddySites(
    (port) => `
http://127.0.0.1:${port} {
	${options.site ?? ""}
	reverse_proxy 127.0.0.1:${upstreamPort}
}
`,
  );
}

/** Starts Caddy with these sites. */
export async function startCaddySites(sites: (port: number) => string): Promise<Restartable> {
  return startProxy({
    program: "caddy",
    config: ({ port }) => `{\n\tadmin off\n\tauto_https off\n}\n${sites(port)}`,
    args: ({ file }) => ["run", "--config", file, "--adapter", "caddyfile"],
    // Caddy keeps state in the home folder by default.
    env: (folder) => ({ HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }),
  });
}
