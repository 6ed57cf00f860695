import { hostname } from "node:os";
import { type Bus, inspectBus, sharedBus } from "sse-bus";
import { backendFromUrl } from "sse-bus/backends";
import { bus } from "@/lib/sse-bus";
import { type InstanceSnapshot, instancesChannel } from "./snapshot";

/**
 * Snapshots go through a bus of their own, which only `/api/inspector` serves: `**` on `/api/sse`
 * does not cover it, and it cannot be published to over HTTP.
 */
export function snapshots(): Bus {
  return sharedBus({
    name: "inspector",
    backend: backendFromUrl(process.env.SSE_BUS_URL, { name: "sse-bus-inspector" }),
    history: { maxMessages: 100, maxAgeMs: 60_000 },
  });
}

// #region how snapshot
export function takeSnapshot(): InstanceSnapshot {
  return {
    instance: `${hostname()}/${process.pid}`,
    memoryBytes: process.memoryUsage.rss(),
    ...inspectBus(bus, { maxConnections: 50, maxChannels: 50 }),
  };
}

/** Publishes a snapshot per second, while an inspector page is open on any instance. */
export function startInspecting(): () => void {
  const timer = setInterval(() => {
    const snapshot = takeSnapshot();
    snapshots()
      .publish(snapshot, { channel: instancesChannel, key: snapshot.instance })
      // The bus reports its own errors, and the next snapshot follows in a second.
      .catch(() => {});
  }, 1_000).unref();
  return () => clearInterval(timer);
}
// #endregion
