/** A setting of the hub: `--name`, or `SSE_BUS_NAME` in the environment; the flag wins. */
export interface Flag {
  /** The name of the value in the help; `undefined` for a switch. */
  readonly value?: string;
  /** The value is a whole number of at least this, and of at most `max`. */
  readonly min?: number;
  readonly max?: number;
  readonly isRepeatable?: boolean;
  readonly default?: string;
  readonly help: string;
}

export type FlagName =
  | "port"
  | "host"
  | "backend"
  | "workers"
  | "tls-cert"
  | "tls-key"
  | "public"
  | "jwt-key"
  | "jwks-url"
  | "jwt-issuer"
  | "jwt-audience"
  | "jwt-info-claim"
  | "publish-token"
  | "open-publish"
  | "inspector-token"
  | "allowed-host"
  | "cors-origin"
  | "cors-credentials"
  | "trust-proxy"
  | "heartbeat-ms"
  | "retry-ms"
  | "drain-retry-ms"
  | "write-timeout-ms"
  | "max-lifetime-ms"
  | "max-connections"
  | "max-connections-per-client"
  | "max-connections-per-identity"
  | "max-channels"
  | "max-patterns"
  | "max-pattern-depth"
  | "max-in-flight-bytes"
  | "max-publishes-per-minute"
  | "compress"
  | "presence"
  | "presence-grace-ms"
  | "max-states-per-minute"
  | "max-messages"
  | "max-age-ms"
  | "max-bytes"
  | "max-history-bytes"
  | "max-message-bytes";

/** The longest delay of a timer, about 25 days. */
const MAX_TIMER_MS = 2_147_483_647;

export const FLAGS: Readonly<Record<FlagName, Flag>> = {
  port: {
    value: "N",
    min: 0,
    max: 65_535,
    default: "4000",
    help: "Port to listen on; 0 selects a free one.",
  },
  host: {
    value: "ADDRESS",
    default: "127.0.0.1",
    help: "Address to listen on. Other than loopback, it needs --jwt-key, --jwks-url or --public.",
  },
  backend: {
    value: "URL",
    help: "redis://, nats:// or postgres://; also SSE_BUS_URL. Without it, this process's memory.",
  },
  workers: {
    value: "N",
    min: 1,
    max: 1024,
    default: "1",
    help: "Processes that share the port and the log.",
  },
  "tls-cert": {
    value: "FILE",
    help: "Certificate chain (PEM): a file, or the text. With it the hub serves HTTPS, with HTTP/2.",
  },
  "tls-key": { value: "FILE", help: "The certificate's private key (PEM): a file, or the text." },
  public: {
    help: "Everybody may read every channel, also from other machines, and caches may keep full pages; see --host.",
  },
  "jwt-key": {
    value: "KEY",
    help: "Secret of at least 32 bytes, or public key (PEM), of the JWTs that decide who may read and publish.",
  },
  "jwks-url": {
    value: "URL",
    help: "Instead of --jwt-key: where the issuer of the JWTs publishes its keys.",
  },
  "jwt-issuer": {
    value: "ISSUER",
    isRepeatable: true,
    help: "Required issuer of a JWT (iss).",
  },
  "jwt-audience": {
    value: "AUDIENCE",
    isRepeatable: true,
    help: "Required audience of a JWT (aud).",
  },
  "jwt-info-claim": {
    value: "CLAIM",
    help: "Claim of a JWT with the `info` of the client's identity, such as name. Its id is sub.",
  },
  "publish-token": {
    value: "TOKEN",
    help: "Clients that send `Authorization: Bearer TOKEN` may publish. Without it, or JWTs, nobody may.",
  },
  "open-publish": { help: "Everybody may publish." },
  "inspector-token": {
    value: "TOKEN",
    help: "Serves the inspector at /inspector. Browsers ask for the token as the password of any user.",
  },
  "allowed-host": {
    value: "NAME",
    isRepeatable: true,
    help: "Names in `Host` that are answered, besides localhost and IP addresses. Without it, any.",
  },
  "cors-origin": {
    value: "ORIGIN",
    isRepeatable: true,
    help: "Origins whose pages may read and publish; repeat it, or separate by commas.",
  },
  "cors-credentials": { help: "Their requests may carry cookies." },
  "trust-proxy": {
    value: "N",
    min: 0,
    default: "0",
    help: "Number of trusted proxies in front, which append to X-Forwarded-For.",
  },
  "heartbeat-ms": {
    value: "N",
    min: 1,
    max: MAX_TIMER_MS,
    default: "15000",
    help: "Time between two pings.",
  },
  "retry-ms": {
    value: "N",
    min: 1,
    max: MAX_TIMER_MS,
    default: "2000",
    help: "Delay before clients reconnect.",
  },
  "drain-retry-ms": {
    value: "N",
    min: 0,
    max: MAX_TIMER_MS,
    default: "10000",
    help: "Delay before a native EventSource reconnects after a shutdown: longer than a restart takes.",
  },
  "write-timeout-ms": {
    value: "N",
    min: 1,
    max: MAX_TIMER_MS,
    default: "30000",
    help: "Ends a stream if its client reads nothing for this time.",
  },
  "max-lifetime-ms": {
    value: "N",
    min: 1,
    max: MAX_TIMER_MS,
    help: "Ends each stream after about this time; no limit by default.",
  },
  "max-connections": {
    value: "N",
    min: 1,
    default: "10000",
    help: "Open streams, all workers together.",
  },
  "max-connections-per-client": {
    value: "N",
    min: 1,
    default: "1000",
    help: "Open streams per client address.",
  },
  "max-connections-per-identity": {
    value: "N",
    min: 1,
    default: "1000",
    help: "Open streams per identity (sub of a JWT).",
  },
  "max-channels": { value: "N", min: 1, default: "100", help: "Channels and patterns per stream." },
  "max-patterns": { value: "N", min: 0, default: "10", help: "Patterns per stream." },
  "max-pattern-depth": { value: "N", min: 1, help: "Segments per pattern." },
  "max-in-flight-bytes": {
    value: "N",
    min: 1,
    default: "65536",
    help: "Unread bytes in a connection's socket; further messages wait in the log.",
  },
  "max-publishes-per-minute": {
    value: "N",
    min: 1,
    default: "6000",
    help: "Publishes per minute and client address.",
  },
  compress: {
    help: "Compresses streams (gzip) for clients that accept it, once for all streams of the same channels.",
  },
  presence: {
    help: "Clients with a JWT are members of their channels; streams may ask for members, and /presence is served.",
  },
  "presence-grace-ms": {
    value: "N",
    min: 0,
    max: MAX_TIMER_MS,
    default: "5000",
    help: "With --presence: how long a client stays a member after its last stream.",
  },
  "max-states-per-minute": {
    value: "N",
    min: 1,
    default: "600",
    help: "With --presence: states per stream and minute.",
  },
  "max-messages": { value: "N", min: 0, default: "1000", help: "Messages kept per channel." },
  "max-age-ms": {
    value: "N",
    min: 1,
    default: "3600000",
    help: "Age at which messages are dropped.",
  },
  "max-bytes": { value: "N", min: 1, default: "16777216", help: "Bytes kept per channel." },
  "max-history-bytes": { value: "N", min: 1, default: "67108864", help: "Bytes kept in total." },
  "max-message-bytes": { value: "N", min: 1, default: "262144", help: "Bytes of one message." },
};

/** The table of flags, for `--help`. */
export function describeFlags(): string {
  const rows = Object.entries(FLAGS).map(([name, flag]) => [
    `--${name}${flag.value === undefined ? "" : ` ${flag.value}`}`,
    flag.help + (flag.default === undefined ? "" : ` Default ${flag.default}.`),
  ]);
  const width = Math.max(...rows.map(([left = ""]) => left.length));
  return rows.map(([left = "", right]) => `  ${left.padEnd(width)}  ${right}`).join("\n");
}

/** The environment variable of a flag. */
export function variableOf(name: FlagName): string {
  return `SSE_BUS_${name.toUpperCase().replaceAll("-", "_")}`;
}
