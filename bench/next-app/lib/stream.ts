import { bus } from "./bus";

// Read while the server runs, as `next build` would put the build's value in its place.
const { env } = globalThis.process;
const heartbeatMs = Number(env.HEARTBEAT_MS ?? 15_000);

/** What the route and the take-over are both given. */
export const stream = { bus, maxConnections: 100_000, heartbeatMs };
