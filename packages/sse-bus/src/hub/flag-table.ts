/** A setting of the hub: `--name`, or `SSE_BUS_NAME` in the environment; the flag wins. */
export interface Flag {
  /** What the value is called in the help; none for a switch. */
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
  | "publish-token"
  | "open-publish"
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
  | "max-channels"
  | "max-patterns"
  | "max-pattern-depth"
  | "max-in-flight-bytes"
  | "max-publishes-per-minute"
  | "max-messages"
  | "max-age-ms"
  | "max-bytes"
  | "max-history-bytes"
  | "max-message-bytes";

/** What timers can count, about 25 days. */
const MAX_TIMER_MS = 2_147_483_647;

export const FLAGS: Readonly<Record<FlagName, Flag>> = {
  port: {
    value: "N",
    min: 0,
    max: 65_535,
    default: "4000",
    help: "Port to listen on; 0 takes a free one.",
  },
  host: {
    value: "ADDRESS",
    default: "127.0.0.1",
    help: "Address to listen on. Beyond loopback needs a --jwt-key, a --jwks-url, or --public.",
  },
  backend: {
    value: "URL",
    help: "redis://, nats:// or postgres://; SSE_BUS_URL too. Without it, this process's memory.",
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
    help: "Certificate chain (PEM); with it the hub speaks HTTP/2 too.",
  },
  "tls-key": { value: "FILE", help: "The certificate's private key (PEM)." },
  public: {
    help: "Everybody may read every channel, from other machines too: see --host.",
  },
  "jwt-key": {
    value: "KEY",
    help: "Secret of 32 bytes or more, or public key (PEM): tokens say who reads and publishes what.",
  },
  "jwks-url": { value: "URL", help: "Or where the issuer of the tokens publishes its keys." },
  "jwt-issuer": {
    value: "ISSUER",
    isRepeatable: true,
    help: "Who must have issued a token (iss).",
  },
  "jwt-audience": {
    value: "AUDIENCE",
    isRepeatable: true,
    help: "Whom a token must be for (aud).",
  },
  "publish-token": {
    value: "TOKEN",
    help: "`Authorization: Bearer TOKEN` may publish; without it, or a JWT, nobody may.",
  },
  "open-publish": { help: "Everybody may publish." },
  "allowed-host": {
    value: "NAME",
    isRepeatable: true,
    help: "Names in `Host` that are answered beside localhost and addresses; without it, any.",
  },
  "cors-origin": {
    value: "ORIGIN",
    isRepeatable: true,
    help: "Pages that may read and publish; repeat it, or separate by commas.",
  },
  "cors-credentials": { help: "These pages may send cookies along." },
  "trust-proxy": {
    value: "N",
    min: 0,
    default: "0",
    help: "Proxies in front whose X-Forwarded-For is believed.",
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
    help: "How long clients wait before they reconnect.",
  },
  "drain-retry-ms": {
    value: "N",
    min: 0,
    max: MAX_TIMER_MS,
    default: "10000",
    help: "How long a native EventSource waits after a shutdown: longer than a restart takes.",
  },
  "write-timeout-ms": {
    value: "N",
    min: 1,
    max: MAX_TIMER_MS,
    default: "30000",
    help: "A client that takes nothing for so long is ended.",
  },
  "max-lifetime-ms": {
    value: "N",
    min: 1,
    max: MAX_TIMER_MS,
    help: "Ends each stream after about this time.",
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
    help: "Open streams a client address.",
  },
  "max-channels": { value: "N", min: 1, default: "100", help: "Channels a stream." },
  "max-patterns": { value: "N", min: 0, default: "10", help: "Patterns among them." },
  "max-pattern-depth": { value: "N", min: 1, help: "Segments of a pattern." },
  "max-in-flight-bytes": {
    value: "N",
    min: 1,
    default: "65536",
    help: "Bytes a connection's socket may hold; the rest waits in the log.",
  },
  "max-publishes-per-minute": {
    value: "N",
    min: 1,
    default: "6000",
    help: "Publishes a client address.",
  },
  "max-messages": { value: "N", min: 0, default: "1000", help: "Messages kept a channel." },
  "max-age-ms": { value: "N", min: 1, default: "3600000", help: "Age at which they are dropped." },
  "max-bytes": { value: "N", min: 1, default: "16777216", help: "Bytes kept a channel." },
  "max-history-bytes": { value: "N", min: 1, default: "67108864", help: "Bytes kept in all." },
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

/** The variable that stands for a flag. */
export function variableOf(name: FlagName): string {
  return `SSE_BUS_${name.toUpperCase().replaceAll("-", "_")}`;
}
