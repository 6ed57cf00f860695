import { internalsOf } from "../core/bus.ts";
import { sharedBuses } from "../core/shared-bus.ts";
import type { AnyChannels, ChannelMap } from "../core/types.ts";
import { drainOnSignal } from "../node/drain-on-signal.ts";
import { installExchange } from "../node/exchange.ts";
import { proveFastPaths } from "../node/undocumented/prove-fast-paths.ts";
import { takeOverStreams, type TakeOverOptions } from "./take-over-streams.ts";

/** Settings of {@link registerSseBus}. */
export interface RegisterOptions<
  Channels extends ChannelMap = AnyChannels,
  Inputs extends ChannelMap = Channels,
> {
  /**
   * In production, answers the requests for one path before Next.js sees them. A stream then costs as much as
   * on plain `node:http`, and **proxy.ts does not protect it any more**: see {@link TakeOverOptions}. Call again
   * for another path.
   *
   * @default Next.js answers every request
   */
  readonly takeOver?: TakeOverOptions<Channels, Inputs>;
}

/**
 * Prepares a Next.js server for event streams. It connects the shared buses (an unreachable backend is an error
 * at start), makes client addresses available, and ends open streams on SIGTERM, so that clients reconnect and
 * `next start` exits.
 *
 * @throws SseBusError `BACKEND_UNAVAILABLE`, `INVALID_OPTION`
 * @example
 * ```ts
 * // instrumentation.ts
 * export async function register() {
 *   if (process.env.NEXT_RUNTIME === "nodejs") {
 *     await import("./lib/sse-bus");
 *     const { registerSseBus } = await import("sse-bus/next");
 *     await registerSseBus();
 *   }
 * }
 * ```
 */
export async function registerSseBus<
  Channels extends ChannelMap = AnyChannels,
  Inputs extends ChannelMap = Channels,
>({ takeOver }: RegisterOptions<Channels, Inputs> = {}): Promise<void> {
  await installExchange();
  await proveFastPaths(
    ["direct-sink", "host-release", ...(takeOver ? (["take-over"] as const) : [])],
    reportToBus,
  );
  drainOnSignal();
  const engines = new Set(sharedBuses().map((bus) => internalsOf(bus).engine));
  if (takeOver) engines.add(takeOverStreams(takeOver).engine);
  await Promise.all([...engines].map(({ lifecycle }) => lifecycle.open()));
}

function reportToBus(error: Error): void {
  const [bus] = sharedBuses();
  if (bus) internalsOf(bus).onError(error);
  else console.error("[sse-bus]", error);
}
