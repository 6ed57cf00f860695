import { startProxy } from "./proxy.ts";
import type { Restartable } from "./restartable.ts";

export interface HaproxyOptions {
  /** Lines added to the `defaults` section, such as `"option http-no-delay"`. */
  readonly defaults?: string;
}

/** Starts HAProxy in HTTP mode with only the timeouts that it requires. */
export async function startHaproxy(
  upstreamPort: number,
  options: HaproxyOptions = {},
): Promise<Restartable> {
  return startHaproxyConfig(
    (port) => `
global
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  ${options.defaults ?? ""}
frontend front
  bind 127.0.0.1:${port}
  default_backend back
backend back
  server app 127.0.0.1:${upstreamPort}
`,
  );
}

/** Starts HAProxy with this configuration. */
export async function startHaproxyConfig(config: (port: number) => string): Promise<Restartable> {
  return startProxy({
    program: "haproxy",
    config: ({ port }) => config(port),
    // -db: in the foreground.
    args: ({ file }) => ["-db", "-f", file],
  });
}
