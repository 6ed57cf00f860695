import type { Aggregator, Registry } from "prom-client";
import { isOpen } from "../core/engine.ts";
import { furthestLag } from "../core/lag.ts";
import { VERSION } from "../core/version.ts";
import type { PromClient } from "./load-prom-client.ts";
import type { RouteContext } from "./route-context.ts";

/** One value, or one for each value of the label. */
type Reading = number | Iterable<readonly [label: string, value: number]>;

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly label?: string;
  /** How prom-client combines the values of several processes of one server. @default "sum" */
  readonly aggregator?: Aggregator;
  readonly read: () => Reading;
}

const DISCONNECTS = ["client", "error", "drain", "lifetime", "revoked", "slow", "unauthorized"];
const LIMITS = [
  "maxChannels",
  "maxConnections",
  "maxConnectionsPerClient",
  "maxConnectionsPerIdentity",
  "maxMessageBytes",
  "maxPatternDepth",
  "maxPatterns",
  "maxPublishesPerMinute",
  "maxStatesPerMinute",
];

/** Registers all metrics of a bus. Each metric reads its value when the registry collects. */
export function registerMetrics(
  { Counter, Gauge }: PromClient,
  registry: Registry,
  context: RouteContext,
): void {
  for (const metric of counters(context)) {
    const counter = new Counter({
      ...describe(metric),
      collect() {
        this.reset();
        for (const [labels, value] of readings(metric)) this.inc(labels, value);
      },
    });
    registry.registerMetric(counter);
  }
  for (const metric of gauges(context)) {
    const gauge = new Gauge({
      ...describe(metric),
      collect() {
        this.reset();
        for (const [labels, value] of readings(metric)) this.set(labels, value);
      },
    });
    registry.registerMetric(gauge);
  }
}

function counters({ bus, connections, engine }: RouteContext): Metric[] {
  return [
    {
      name: "connects_total",
      help: "Event streams opened.",
      read: () => connections.connects,
    },
    {
      name: "disconnects_total",
      help: "Event streams ended, by reason: disconnected by the client, an error, or the reason in `bye`.",
      label: "reason",
      read: () => withZeros(DISCONNECTS, connections.disconnects),
    },
    {
      name: "pages_total",
      help: "Pages and long polls that were accepted.",
      read: () => connections.pages,
    },
    {
      name: "messages_published_total",
      help: "Messages published by this process.",
      read: () => bus.stats().published,
    },
    {
      name: "messages_delivered_total",
      help: "Messages delivered to readers: event streams and subscribers in this process.",
      read: () => bus.stats().delivered,
    },
    {
      name: "frames_delivered_total",
      help: "Frames sent on event streams: messages, hello, ping, gap, bye.",
      read: () => engine.traffic.frames,
    },
    {
      name: "bytes_delivered_total",
      help: "Bytes of those frames.",
      read: () => engine.traffic.bytes,
    },
    {
      name: "bytes_sent_total",
      help: "Bytes of those frames as they were sent: fewer where streams are compressed.",
      read: () => engine.traffic.sent,
    },
    {
      name: "gaps_total",
      help: "Gaps reported to readers: messages that they may have missed.",
      read: () => bus.stats().gaps,
    },
    {
      name: "resumes_total",
      help: "Readers that resumed from a cursor: with every message since (complete), or with a gap.",
      label: "outcome",
      read() {
        const { resumed, resumedWithGap } = bus.stats();
        return [
          ["complete", resumed],
          ["gap", resumedWithGap],
        ];
      },
    },
    {
      name: "write_stalls_total",
      help: "Times a reader at the head could not take a message and fell behind.",
      read: () => bus.stats().stalls,
    },
    {
      name: "refusals_total",
      help: "Requests refused, by the code of the response.",
      label: "reason",
      read: () => connections.refusals,
    },
    {
      name: "limits_hit_total",
      help: "Requests refused because of a limit, by the name of its option.",
      label: "limit",
      read: () => withZeros(LIMITS, connections.limitsHit),
    },
  ];
}

function gauges({ bus, connections, engine }: RouteContext): Metric[] {
  return [
    {
      name: "info",
      aggregator: "first",
      help: "The version of sse-bus.",
      label: "version",
      read: () => [[VERSION, 1]],
    },
    {
      name: "connections",
      help: "Open event streams, and long polls that wait.",
      read: () => connections.open.size,
    },
    {
      name: "listeners",
      help: "Subscribers in this process.",
      read: () => bus.stats().listeners,
    },
    {
      name: "channels",
      help: "Channels and patterns that have a reader in this process.",
      read: () => bus.stats().channels,
    },
    {
      name: "reader_lag_messages",
      aggregator: "max",
      help: "Messages that the event stream furthest behind has not received yet.",
      read: () => furthestLag(engine),
    },
    {
      name: "history_bytes",
      help: "Bytes of history in this process: in windows on channels with readers, and in the memory backend. Both share the messages themselves.",
      label: "holder",
      read: () => [
        ["windows", engine.store.bytes],
        ["backend", engine.backend.heldBytes?.() ?? 0],
      ],
    },
    {
      name: "history_limit_bytes",
      help: "The limit `maxHistoryBytes`, which applies to each holder.",
      read: () => engine.store.maxBytes,
    },
    {
      name: "backend_up",
      aggregator: "min",
      help: "1 while the backend is reachable.",
      label: "backend",
      read() {
        const { backend, status } = bus.stats();
        return [[backend, status === "up" && isOpen(engine) ? 1 : 0]];
      },
    },
    {
      name: "draining",
      aggregator: "max",
      help: "1 while the server shuts down and opens no streams.",
      read: () => (connections.isDraining ? 1 : 0),
    },
  ];
}

/** Starts known labels at zero. Otherwise a rate misses the first increment, and so does an alert on it. */
function withZeros(known: readonly string[], counts: ReadonlyMap<string, number>): Reading {
  return new Map([...known.map((label) => [label, 0] as const), ...counts]);
}

function describe({ name, help, label, aggregator = "sum" }: Metric) {
  const labelNames = label === undefined ? [] : [label];
  return { name: `sse_bus_${name}`, help, labelNames, aggregator, registers: [] };
}

function* readings({ label, read }: Metric): Iterable<[labels: Record<string, string>, number]> {
  const reading = read();
  if (typeof reading === "number") yield [{}, reading];
  else for (const [value, count] of reading) yield [{ [label as string]: value }, count];
}
