import { hostname } from "node:os";
import { type Bus, inspectBus, sharedBus } from "sse-bus";
import { backendFromUrl } from "sse-bus/backends";
import { bus } from "@/lib/sse-bus";
import { type InstanceSnapshot, instancesChannel } from "./snapshot";

/**
 * What the few may see is in a log of its own, which no route serves but `/api/inspector`: `**` on
 * `/api/sse` does not reach it, and nobody can publish to it over HTTP.
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

/** Once a second to all instances; only while somebody looks at one of them. */
export function startInspecting(): () => void {
  const timer = setInterval(() => {
    const snapshot = takeSnapshot();
    snapshots()
      .publish(snapshot, { channel: instancesChannel, key: snapshot.instance })
      // The bus reports its own troubles; a second later there is another one.
      .catch(() => {});
  }, 1_000).unref();
  return () => clearInterval(timer);
}
// #endregion
