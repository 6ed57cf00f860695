import { hostname } from "node:os";
import { createBus, inspectBus } from "sse-bus";
import { perProcess } from "@/lib/per-process";
import { bus } from "@/lib/sse-bus";
import { seal, unseal } from "./seal";
import { type InstanceSnapshot, instancesChannel } from "./snapshot";

const sealedChannel = "inspector/sealed";

/** What `/api/inspector` serves: the snapshots of all instances, opened. */
export const snapshots = perProcess("inspector-bus", () => createBus());

// #region how snapshot
export function takeSnapshot(): InstanceSnapshot {
  return {
    instance: `${hostname()}/${process.pid}`,
    memoryBytes: process.memoryUsage.rss(),
    ...inspectBus(bus, { maxConnections: 50, maxChannels: 50 }),
  };
}

/** Once a second to all instances, sealed; only while somebody looks at one of them. */
export function startInspecting(): () => void {
  const unsubscribe = bus.subscribe(receive, { channel: sealedChannel, onGap: () => {} });
  const timer = setInterval(() => {
    const snapshot = takeSnapshot();
    bus
      .publish({ sealed: seal(snapshot) }, { channel: sealedChannel, key: snapshot.instance })
      // The bus reports its own troubles; a second later there is another one.
      .catch(() => {});
  }, 1_000).unref();
  return () => {
    clearInterval(timer);
    unsubscribe();
  };
}
// #endregion

async function receive(data: unknown): Promise<void> {
  const snapshot = unseal((data as { sealed?: unknown } | null)?.sealed);
  if (snapshot === undefined) return;
  const { instance } = snapshot as InstanceSnapshot;
  await snapshots.publish(snapshot, { channel: instancesChannel, key: instance });
}
