import { SseBusError } from "../core/errors.ts";
import { assertCount } from "../core/history.ts";
import { MAX_TIMER_MS } from "../core/timers.ts";
import type { Authorize } from "./authorize.ts";
import { assertCors, type CorsOptions } from "./cors.ts";
import { assertAllowedHosts, type HostOptions } from "./host.ts";

/** Settings of an event-stream route. */
export interface StreamOptions extends HostOptions {
  /** Time between two `ping`s on a quiet stream; proxies cut streams that are idle for 30 s. @default 15_000 */
  readonly heartbeatMs?: number;
  /** How long a browser waits before it reconnects, as told by `hello`. @default 2000 */
  readonly retryMs?: number;
  /**
   * When the server shuts down, a native `EventSource` waits this long (and the spread of `bye`)
   * before it reconnects: longer than a restart takes, because a proxy's 502 in between ends it for
   * ever (HTML standard §9.2.3). Our client reads `retryMs` of `bye`, reconnects at once, and goes on
   * after a 502. 0 where other instances answer meanwhile, as in a rolling deploy.
   * @default 10_000; 0 under `next dev`
   */
  readonly drainRetryMs?: number;
  /** A client that takes nothing for so long is ended with `bye` "slow". @default 30_000 */
  readonly writeTimeoutMs?: number;
  /** Ends each stream with `bye` "lifetime" after about this time (±10 %), for hosts that cut requests off. @default Infinity */
  readonly maxLifetimeMs?: number;
  /** Open streams of the bus in this process; more are answered 503. @default 10_000 */
  readonly maxConnections?: number;
  /** Open streams a client address, where it is known and not loopback; more are answered 429. @default 1000 */
  readonly maxConnectionsPerClient?: number;
  /**
   * Bytes of history that one request is given, each message counted with 256 bytes of overhead: of
   * more, the newest so many after a `gap`. @default 67_108_864
   */
  readonly maxReplayBytes?: number;
  /**
   * Requests of one client address, where it is known and not loopback, that start patterns in the past
   * and wait for their history; more are answered 429. @default 100
   */
  readonly maxReplaysPerClient?: number;
  /** Channels and patterns a stream. @default 100 */
  readonly maxChannels?: number;
  /** Patterns among them. @default 10 */
  readonly maxPatterns?: number;
  /** Segments of one pattern (`a/*` has two); each costs memory for as long as somebody reads it. @default 16 */
  readonly maxPatternDepth?: number;
  /**
   * Bytes handed to a connection's socket that it has not taken yet; what comes after waits in the
   * log, however slow the client is. Never less than one packet: 64 KiB, or one larger message.
   * @default 65_536
   */
  readonly maxInFlightBytes?: number;
  /**
   * `auto` writes straight to the Node response where that is safe, which is several times faster, and
   * has Next let go of the request, which is 60 KB; `web` never does. Choose `web` when the route
   * changes the body that it returns, or looks at its `request.signal` while the stream is open
   * (listeners of `abort` are noticed: with them the request is kept, and they are called in time).
   * @default "auto"
   */
  readonly sink?: "auto" | "web";
  /** Who may read what. @default everybody everything */
  readonly authorize?: Authorize;
  /** How long `authorize` may take; no answer is a no, told as 503. @default 10_000 */
  readonly authorizeTimeoutMs?: number;
  /** Pages of other origins that may read the stream. @default none */
  readonly cors?: CorsOptions;
}

/** {@link StreamOptions} with every default filled in. */
export type StreamSettings = Required<Omit<StreamOptions, "allowedHosts" | "authorize" | "cors">> &
  Pick<StreamOptions, "allowedHosts" | "authorize" | "cors">;

const DEFAULTS = {
  heartbeatMs: 15_000,
  retryMs: 2000,
  drainRetryMs: 10_000,
  writeTimeoutMs: 30_000,
  maxLifetimeMs: Number.POSITIVE_INFINITY,
  maxConnections: 10_000,
  maxConnectionsPerClient: 1000,
  maxReplayBytes: 67_108_864,
  maxReplaysPerClient: 100,
  maxChannels: 100,
  maxPatterns: 10,
  maxPatternDepth: 16,
  authorizeTimeoutMs: 10_000,
  maxInFlightBytes: 65_536,
};

/** Clients are told of these, in JSON and digits, which have no `Infinity`, and set timers by them. */
const TOLD: ReadonlySet<string> = new Set(["heartbeatMs", "retryMs", "drainRetryMs"]);

/** @throws SseBusError `INVALID_OPTION` */
export function readStreamOptions(options: StreamOptions): StreamSettings {
  const settings = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[]) {
    const value = options[name];
    if (value === undefined) continue;
    assertCount(value, name, name === "maxPatterns" || name === "drainRetryMs" ? 0 : 1);
    settings[name] = TOLD.has(name) ? Math.min(value, MAX_TIMER_MS) : value;
  }
  assertCors(options.cors);
  assertAllowedHosts(options.allowedHosts);
  return {
    ...settings,
    sink: readSink(options.sink),
    ...(options.authorize && { authorize: options.authorize }),
    ...(options.cors && { cors: options.cors }),
    ...(options.allowedHosts && { allowedHosts: options.allowedHosts }),
  };
}

function readSink(sink: string | undefined = "auto"): "auto" | "web" {
  if (sink === "auto" || sink === "web") return sink;
  throw new SseBusError("INVALID_OPTION", '`sink` must be "auto" or "web".');
}
