import { hostname } from "node:os";
import { inspectBus } from "sse-bus";
import { internalBus } from "@/lib/internal-bus";
import { bus } from "@/lib/sse-bus";
import { type InstanceSnapshot, instancesChannel } from "./snapshot";

// #region how snapshot
export function takeSnapshot(): InstanceSnapshot {
  return {
    instance: `${hostname()}/${process.pid}`,
    memoryBytes: process.memoryUsage.rss(),
    ...inspectBus(bus, { maxConnections: 50, maxChannels: 50 }),
  };
}

/** Publishes a snapshot per second until `signal` aborts. */
export function startInspecting(signal: AbortSignal): void {
  const timer = setInterval(() => {
    const snapshot = takeSnapshot();
    internalBus()
      .publish(snapshot, { channel: instancesChannel, key: snapshot.instance })
      // The bus reports its own errors, and the next snapshot follows in a second.
      .catch(() => {});
  }, 1_000).unref();
  signal.addEventListener("abort", () => clearInterval(timer));
}
// #endregion
