import { createSseRoute } from "sse-bus/next";
import { bus } from "@/lib/bus";

// Read while the server runs, as `next build` would put the build's value in its place.
const { env } = globalThis.process;
const heartbeatMs = Number(env.HEARTBEAT_MS ?? 15_000);

export const { GET, HEAD } = createSseRoute({ bus, maxConnections: 100_000, heartbeatMs });
