import { subscribe } from "node:diagnostics_channel";
import type { Server } from "node:http";

/**
 * From now on, a connection that becomes idle on a server which has stopped listening is closed.
 * `server.close()` closes those that are idle when it is called; one that a proxy keeps for reuse
 * after its stream has ended would hold the process for the whole keep-alive time (5 s).
 */
export function closeIdleOfStoppedServers(): void {
  subscribe("http.server.response.finish", (message) => {
    const { server } = message as { server: Server };
    // The connection counts as idle once Node is done with the response.
    setImmediate(() => {
      if (!server.listening) server.closeIdleConnections();
    });
  });
}
