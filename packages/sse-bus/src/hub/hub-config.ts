import { readFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import { createSecureContext } from "node:tls";
import { backendFromUrl } from "../backends/backend-from-url.ts";
import type { BusOptions } from "../core/bus-types.ts";
import { assertCors } from "../http/cors.ts";
import { nameOf, readSettings, type Settings, UsageError } from "./flags.ts";
import type { HubOptions } from "./hub-options.ts";
import { type JwtFlags, readJwtFlags } from "./jwt-flags.ts";

/** The configuration of `sse-bus hub`. */
export interface HubConfig {
  readonly port: number;
  readonly host: string;
  readonly backendUrl: string | undefined;
  readonly workers: number;
  readonly jwt: JwtFlags | undefined;
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
  const inspectorToken = settings.text("inspector-token");
  const depth = settings.number("max-pattern-depth");
  const host = settings.text("host") as string;
  const allowedHosts = settings.list("allowed-host");
  const jwt = readJwtFlags(settings);
  checkReach(host, jwt !== undefined || settings.isOn("public"));
  /** Connections are distributed to the workers in turn, so each gets its share of a limit. */
  const share = (count: number): number => Math.ceil(count / workers);
  return {
    port: number("port"),
    host,
    backendUrl: readBackendUrl(settings),
    workers,
    jwt,
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
      maxConnectionsPerIdentity: share(number("max-connections-per-identity")),
      maxChannels: number("max-channels"),
      maxPatterns: number("max-patterns"),
      ...(depth !== undefined && { maxPatternDepth: depth }),
      maxInFlightBytes: number("max-in-flight-bytes"),
      maxPublishesPerMinute: share(number("max-publishes-per-minute")),
      compress: settings.isOn("compress"),
      ...(settings.isOn("presence") && { presence: { graceMs: number("presence-grace-ms") } }),
      maxStatesPerMinute: number("max-states-per-minute"),
      trustedProxies: number("trust-proxy"),
      // With tokens, the flag only permits the address: what a reader may read is for the tokens to decide.
      ...(settings.isOn("public") && !jwt && { public: true }),
      openPublish: settings.isOn("open-publish"),
      ...(token !== undefined && { publishToken: token }),
      ...(inspectorToken !== undefined && { inspectorToken }),
      ...(allowedHosts.length > 0 && { allowedHosts }),
      ...readCors(settings),
      ...readTls(settings),
    },
  };
}

/** Without tokens, everybody who reaches the hub reads everything. That has to be requested explicitly. */
function checkReach(host: string, isAllowed: boolean): void {
  if (isAllowed || isLoopback(host)) return;
  throw new UsageError(
    `--host ${host} lets other machines read every channel: add --jwt-key or --jwks-url so that tokens decide, listen on 127.0.0.1 behind a proxy that knows your users, or add --public if everybody may.`,
  );
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

function readBackendUrl(settings: Settings): string | undefined {
  const url = settings.text("backend");
  // Only parses the URL; connects to nothing.
  checked(`${nameOf("backend")}, SSE_BUS_URL`, () => backendFromUrl(url));
  return url;
}

function readCors(settings: Settings): Pick<HubOptions<never, never>, "cors"> {
  const origins = settings.list("cors-origin");
  const credentials = settings.isOn("cors-credentials");
  if (origins.length === 0) {
    if (!credentials) return {};
    throw new UsageError("--cors-credentials has no effect without --cors-origin: add one.");
  }
  const cors = { origins, credentials };
  checked(nameOf("cors-origin"), () => assertCors(cors));
  return { cors };
}

/** Names the flag in an error that would otherwise name an option of `createHub`. */
function checked(flag: string, check: () => unknown): void {
  try {
    check();
  } catch (error) {
    throw new UsageError(`${flag}: ${(error as Error).message}`);
  }
}

function readTls(settings: Settings): Pick<HubOptions<never, never>, "tls"> {
  const cert = settings.text("tls-cert");
  const key = settings.text("tls-key");
  if (cert === undefined && key === undefined) return {};
  if (cert === undefined || key === undefined) {
    const [given, missing] = cert === undefined ? ["key", "cert"] : ["cert", "key"];
    throw new UsageError(
      `--tls-cert and --tls-key go together: add --tls-${missing} to --tls-${given}.`,
    );
  }
  const tls = { cert: readPem("tls-cert", cert), key: readPem("tls-key", key) };
  checked("--tls-cert and --tls-key must be a certificate and its private key (PEM)", () =>
    createSecureContext(tls),
  );
  return { tls };
}

/** The value is PEM text itself, or a file of it. It appears in no error: it may be a private key. */
function readPem(name: "tls-cert" | "tls-key", value: string): Buffer {
  // Environments that cannot hold line breaks have `\n` in their place.
  if (value.includes("-----BEGIN")) return Buffer.from(value.replaceAll("\\n", "\n"));
  try {
    return readFileSync(value);
  } catch (error) {
    const { code = "ERR_INVALID_ARG_VALUE" } = error as { code?: string };
    throw new UsageError(
      `${nameOf(name)} must be a file that the hub can read, or PEM text: reading the file failed (${code}).`,
    );
  }
}
