import {
  type Listed,
  type ReportedPresence,
  type ReportedStream,
  type ReportedTask,
  reportPartsOf,
} from "../core/report-parts.ts";
import { VERSION } from "../core/version.ts";
import { countSinks } from "./connections.ts";
import { type BusSnapshot, inspectBus } from "./inspect.ts";
import type { RouteContext } from "./route-context.ts";

/** One instance at a moment, as the inspector shows it: plain JSON of bounded size. */
export interface InstanceReport extends BusSnapshot {
  /** The instance; another one after a restart. */
  readonly instance: string;
  readonly process: ReportedProcess;
  /** Whether it shuts down. */
  readonly isDraining: boolean;
  /** Open streams, by the way in which their bytes leave. */
  readonly sinks: { readonly direct: number; readonly web: number };
  /** Streams that have ended, by reason. */
  readonly ended: Counts;
  /** Requests refused, by error code. */
  readonly refused: Counts;
  /** Times a limit was hit, by the name of its option. */
  readonly limits: Counts;
  /** Channels with members on this instance. */
  readonly presence: Listed<ReportedPresence>;
  /** Tasks that run on this instance. */
  readonly tasks: Listed<ReportedTask>;
  /** Durable streams whose source runs on this instance. */
  readonly streams: Listed<ReportedStream>;
}

/** The process of an instance. */
export interface ReportedProcess {
  readonly host: string;
  readonly pid: number;
  /** Such as `Node.js 24.1.0`. */
  readonly runtime: string;
  /** The version of this package. */
  readonly version: string;
  /** Resident memory. */
  readonly memoryBytes: number;
  /** In ms. */
  readonly uptimeMs: number;
}

export type Counts = Readonly<Record<string, number>>;

/** The report of this instance now. Lists have at most `limit` items. */
export function reportInstance(
  context: RouteContext,
  instance: string,
  limit = 50,
): InstanceReport {
  const { bus, connections } = context;
  const { presence, tasks, streams } = reportPartsOf(context);
  return {
    ...inspectBus(bus, { maxConnections: limit, maxChannels: limit }),
    instance,
    process: describeProcess(),
    isDraining: connections.isDraining,
    sinks: countSinks(connections),
    ended: toCounts(connections.disconnects),
    refused: toCounts(connections.refusals),
    limits: toCounts(connections.limitsHit),
    presence: presence?.(limit) ?? NONE,
    tasks: tasks?.(limit) ?? NONE,
    streams: streams?.(limit) ?? NONE,
  };
}

const NONE: Listed<never> = { total: 0, listed: [] };

function toCounts(counts: ReadonlyMap<string, number>): Counts {
  return Object.fromEntries(counts);
}

/** Parts of `process` that a runtime may not have. */
interface HostProcess {
  readonly pid?: number;
  readonly versions?: Readonly<Partial<Record<"bun" | "deno" | "node", string>>>;
  readonly memoryUsage?: () => { readonly rss: number };
  readonly uptime?: () => number;
  readonly getBuiltinModule?: (name: string) => { readonly hostname: () => string } | undefined;
}

const RUNTIMES = [
  ["bun", "Bun"],
  ["deno", "Deno"],
  ["node", "Node.js"],
] as const;

function describeProcess(): ReportedProcess {
  const host = (globalThis as { process?: HostProcess }).process ?? {};
  // Bun and Deno name a version of Node.js, too.
  const [key, name] = RUNTIMES.find(([each]) => host.versions?.[each] !== undefined) ?? [];
  return {
    // Without an import, which other runtimes could not resolve.
    host: host.getBuiltinModule?.("node:os")?.hostname() ?? "",
    pid: host.pid ?? 0,
    runtime: key ? `${name} ${host.versions?.[key]}` : "",
    version: VERSION,
    memoryBytes: host.memoryUsage?.().rss ?? 0,
    uptimeMs: Math.round((host.uptime?.() ?? 0) * 1000),
  };
}
