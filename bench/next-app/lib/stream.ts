import { bus } from "./bus";

// Read at run time, because `next build` would inline the build's value.
const { env } = globalThis.process;
const heartbeatMs = Number(env.HEARTBEAT_MS ?? 15_000);

/** The options of the route and of the take-over. */
export const stream = { bus, maxConnections: 100_000, heartbeatMs };
