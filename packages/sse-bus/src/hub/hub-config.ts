import { readFileSync } from "node:fs";
import type { BusOptions } from "../core/bus-types.ts";
import { readSettings, type Settings, UsageError } from "./flags.ts";
import type { HubOptions } from "./hub-options.ts";

/** What `sse-bus hub` runs with. */
export interface HubConfig {
  readonly port: number;
  readonly host: string;
  readonly backendUrl: string | undefined;
  readonly workers: number;
  readonly bus: Omit<BusOptions, "backend" | "onError">;
  readonly hub: Omit<HubOptions<never, never>, "bus">;
}

/** @throws UsageError */
export function readConfig(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): HubConfig {
  const settings = readSettings(args, env);
  const number = (name: Parameters<Settings["number"]>[0]): number =>
    settings.number(name) ?? Number.POSITIVE_INFINITY;
  const workers = number("workers");
  const token = settings.text("publish-token");
  const depth = settings.number("max-pattern-depth");
  const origins = settings.list("cors-origin");
  const allowedHosts = settings.list("allowed-host");
  /** Connections are handed to the workers in turn, so each takes its share of a limit. */
  const share = (count: number): number => Math.ceil(count / workers);
  return {
    port: number("port"),
    host: settings.text("host") as string,
    backendUrl: settings.text("backend"),
    workers,
    bus: {
      history: {
        maxMessages: number("max-messages"),
        maxAgeMs: number("max-age-ms"),
        maxBytes: number("max-bytes"),
      },
      maxHistoryBytes: number("max-history-bytes"),
      maxMessageBytes: number("max-message-bytes"),
    },
    hub: {
      heartbeatMs: number("heartbeat-ms"),
      retryMs: number("retry-ms"),
      drainRetryMs: number("drain-retry-ms"),
      writeTimeoutMs: number("write-timeout-ms"),
      maxLifetimeMs: number("max-lifetime-ms"),
      maxConnections: share(number("max-connections")),
      maxConnectionsPerClient: share(number("max-connections-per-client")),
      maxChannels: number("max-channels"),
      maxPatterns: number("max-patterns"),
      ...(depth !== undefined && { maxPatternDepth: depth }),
      maxInFlightBytes: number("max-in-flight-bytes"),
      maxPublishesPerMinute: share(number("max-publishes-per-minute")),
      trustedProxies: number("trust-proxy"),
      openPublish: settings.isOn("open-publish"),
      ...(token !== undefined && { publishToken: token }),
      ...(allowedHosts.length > 0 && { allowedHosts }),
      ...(origins.length > 0 && {
        cors: { origins, credentials: settings.isOn("cors-credentials") },
      }),
      ...readTls(settings),
    },
  };
}

function readTls(settings: Settings): Pick<HubOptions<never, never>, "tls"> {
  const cert = settings.text("tls-cert");
  const key = settings.text("tls-key");
  if (cert === undefined && key === undefined) return {};
  if (cert === undefined || key === undefined) {
    throw new UsageError("--tls-cert and --tls-key go together.");
  }
  return { tls: { cert: readPem("tls-cert", cert), key: readPem("tls-key", key) } };
}

function readPem(name: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(`--${name}: ${(error as Error).message}`);
  }
}
