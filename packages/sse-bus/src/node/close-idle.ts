import { subscribe } from "node:diagnostics_channel";
import type { Server } from "node:http";

/**
 * Closes each connection that becomes idle after its server has stopped listening. `server.close()` closes only
 * those that are idle when it is called. One that a proxy keeps for reuse after its stream has ended would keep
 * the process alive for the whole keep-alive time (5 s).
 */
export function closeIdleOfStoppedServers(): void {
  subscribe("http.server.response.finish", (message) => {
    const { server } = message as { server: Server };
    // Node marks the connection as idle after this event.
    setImmediate(() => {
      if (!server.listening) server.closeIdleConnections();
    });
  });
}
