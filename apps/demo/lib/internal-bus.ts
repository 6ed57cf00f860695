import { type Bus, sharedBus } from "sse-bus";
import { backendFromUrl } from "sse-bus/backends";

/**
 * The inspector's snapshots of the instances. A bus of its own, because anyone who may publish to the
 * public bus could forge these.
 * It cannot be published to over HTTP, and only `/api/inspector` serves it.
 *
 * A function, so that it connects at first use.
 */
export function internalBus(): Bus {
  return sharedBus({
    name: "internal",
    backend: backendFromUrl(process.env.SSE_BUS_URL, { name: "sse-bus-internal" }),
    history: { maxMessages: 100, maxAgeMs: 60_000 },
  });
}
