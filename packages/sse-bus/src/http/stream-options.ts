import { SseBusError } from "../core/errors.ts";
import { assertCount } from "../core/history.ts";
import { MAX_TIMER_MS } from "../core/timers.ts";
import type { Authorize } from "./authorize.ts";
import { assertCors, type CorsOptions } from "./cors.ts";
import { assertAllowedHosts, type HostOptions } from "./host.ts";
import {
  type PresenceOptions,
  type PresenceSettings,
  readPresenceOptions,
} from "./presence-options.ts";
import { type PublicChannels, readPublic } from "./public-channels.ts";

/** Options of an event-stream route. */
export interface StreamOptions extends HostOptions {
  /** Time between two heartbeats (`ping`). Many proxies close streams that are idle for 30 s. @default 15_000 */
  readonly heartbeatMs?: number;
  /** How long a client waits before it reconnects. Sent as `retry:` of `hello`. @default 2000 */
  readonly retryMs?: number;
  /**
   * How long a native `EventSource` waits before it reconnects after a shutdown, in addition to the random
   * delay of `bye`. Set it longer than a restart takes: if a proxy responds with 502 during the restart, the
   * `EventSource` never reconnects (HTML standard §9.2.3). The client of this package uses `retryMs` of `bye`
   * instead, and reconnects after a 502. Set 0 if other instances respond during the restart, as in a rolling
   * deploy.
   * @default 10_000; 0 under `next dev`
   */
  readonly drainRetryMs?: number;
  /** How long a client may read nothing. After that, the stream ends with `bye` "slow". @default 30_000 */
  readonly writeTimeoutMs?: number;
  /**
   * How long a stream stays open (±10 %), for hosts that limit the duration of requests. After that, the
   * stream ends with `bye` "lifetime" and the client reconnects.
   * @default Infinity
   */
  readonly maxLifetimeMs?: number;
  /** Open streams of the bus in this process. Further requests get 503. @default 10_000 */
  readonly maxConnections?: number;
  /** Open streams per client address, if it is known and not loopback. Further requests get 429. @default 1000 */
  readonly maxConnectionsPerClient?: number;
  /** Open streams per identity that `authorize` returns, in this process. Further requests get 429. @default 1000 */
  readonly maxConnectionsPerIdentity?: number;
  /**
   * Bytes of history that one request receives, with 256 bytes of overhead per message. If there is more, the
   * stream receives a `gap` and then the newest part.
   * @default 67_108_864
   */
  readonly maxReplayBytes?: number;
  /**
   * Requests per client address, if it is known and not loopback, that wait for the history of patterns at
   * the same time. Further requests get 429.
   * @default 100
   */
  readonly maxReplaysPerClient?: number;
  /** Channels and patterns per stream. @default 100 */
  readonly maxChannels?: number;
  /** Patterns per stream. @default 10 */
  readonly maxPatterns?: number;
  /** Segments per pattern (`a/*` has two). Each uses memory while the pattern has a reader. @default 16 */
  readonly maxPatternDepth?: number;
  /**
   * Bytes written to a connection's socket that the client has not read yet. Further messages stay in the log
   * until the client reads. At least one packet is always written: 64 KiB, or one larger message.
   * @default 65_536
   */
  readonly maxInFlightBytes?: number;
  /**
   * How a stream is written. `auto` writes directly to the Node response where that is safe, which is several
   * times faster. It also makes Next.js release the request, which saves 60 KB per stream. `web` does
   * neither. Set `web` if the route changes the body of the response, or reads `request.signal.aborted` while
   * the stream is open. Listeners of `abort` also work with `auto`, which keeps the request for them.
   * @default "auto"
   */
  readonly sink?: "auto" | "web";
  /**
   * Compresses streams (gzip) for clients that accept it. Each packet is compressed once for all streams of the
   * same channels, and no stream has a compressor of its own. Do not set it where an attacker can publish to a
   * stream that also carries secrets: the length of what is sent then reveals them (BREACH). Hosts without
   * `node:zlib` do not compress.
   * @default false
   */
  readonly compress?: boolean;
  /** Decides who may read which channels. @default everybody may read all channels */
  readonly authorize?: Authorize;
  /** How long `authorize` may take. After that, the request gets 503. @default 10_000 */
  readonly authorizeTimeoutMs?: number;
  /** The other origins whose pages may read the stream. @default none */
  readonly cors?: CorsOptions;
  /**
   * Who is connected: clients with an `identity` are members of the channels of their streams, and a stream
   * that asks for `presence` of a channel receives its members, and each that joins, changes or leaves.
   * `true`, or an object with settings.
   * @default false
   */
  readonly presence?: boolean | PresenceOptions;
  /**
   * The channels and patterns that everybody may read, or `true` for all. Browsers, proxies and CDNs may keep full
   * pages of them, and then answer instead of this server, also instead of its `authorize`. `true` excludes
   * `authorize`; a list does not.
   * @default false
   * @see docs/pages-and-polling.md
   */
  readonly public?: boolean | readonly string[];
}

/** {@link StreamOptions} with every default filled in. */
export type StreamSettings = Required<Omit<StreamOptions, Optional>> &
  Pick<StreamOptions, Exclude<Optional, "presence" | "public">> & {
    readonly presence: PresenceSettings | undefined;
    readonly public: PublicChannels;
  };

type Optional = "allowedHosts" | "authorize" | "cors" | "presence" | "public";

const DEFAULTS = {
  heartbeatMs: 15_000,
  retryMs: 2000,
  drainRetryMs: 10_000,
  writeTimeoutMs: 30_000,
  maxLifetimeMs: Number.POSITIVE_INFINITY,
  maxConnections: 10_000,
  maxConnectionsPerClient: 1000,
  maxConnectionsPerIdentity: 1000,
  maxReplayBytes: 67_108_864,
  maxReplaysPerClient: 100,
  maxChannels: 100,
  maxPatterns: 10,
  maxPatternDepth: 16,
  authorizeTimeoutMs: 10_000,
  maxInFlightBytes: 65_536,
};

/** Clients receive these values and set timers with them. JSON and `retry:` cannot express `Infinity`. */
const SENT: ReadonlySet<string> = new Set(["heartbeatMs", "retryMs", "drainRetryMs"]);

/** @throws SseBusError `INVALID_OPTION` */
export function readStreamOptions(options: StreamOptions): StreamSettings {
  const settings = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[]) {
    const value = options[name];
    if (value === undefined) continue;
    assertCount(value, name, name === "maxPatterns" || name === "drainRetryMs" ? 0 : 1);
    settings[name] = SENT.has(name) ? Math.min(value, MAX_TIMER_MS) : value;
  }
  assertCors(options.cors);
  assertAllowedHosts(options.allowedHosts);
  return {
    ...settings,
    sink: readSink(options.sink),
    presence: readPresenceOptions(options.presence),
    compress: readSwitch(options.compress, "compress"),
    public: readPublic(options),
    ...(options.authorize && { authorize: options.authorize }),
    ...(options.cors && { cors: options.cors }),
    ...(options.allowedHosts && { allowedHosts: options.allowedHosts }),
  };
}

function readSwitch(value: boolean | undefined = false, name: string): boolean {
  if (typeof value === "boolean") return value;
  throw new SseBusError("INVALID_OPTION", `\`${name}\` must be true or false.`);
}

function readSink(sink: string | undefined = "auto"): "auto" | "web" {
  if (sink === "auto" || sink === "web") return sink;
  throw new SseBusError("INVALID_OPTION", '`sink` must be "auto" or "web".');
}
