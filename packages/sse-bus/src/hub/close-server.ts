import { once } from "node:events";
import type { Server } from "node:http";
import type { Http2SecureServer, Http2Session } from "node:http2";
import type { Socket } from "node:net";

/** Clients that do not take their last bytes are cut off after this time. */
const MAX_CLOSING_MS = 5000;
/** Connections that have had their last answer, and were kept alive for another, are looked for so often. */
const IDLE_CHECK_MS = 50;

interface Tracked {
  readonly sockets: Set<Socket>;
  readonly sessions: Set<Http2Session>;
}

const trackedOf = new WeakMap<object, Tracked>();

/** Remembers what `closeServer` must close: a server of HTTP/2 cannot tell what is connected to it. */
export function trackSockets(server: Server | Http2SecureServer): void {
  if ("closeAllConnections" in server && !isHttp2(server)) return;
  const tracked: Tracked = { sockets: new Set(), sessions: new Set() };
  trackedOf.set(server, tracked);
  server.on("connection", (socket: Socket) => {
    tracked.sockets.add(socket);
    socket.once("close", () => tracked.sockets.delete(socket));
  });
  server.on("session", (session: Http2Session) => {
    tracked.sessions.add(session);
    session.once("close", () => tracked.sessions.delete(session));
  });
}

/** Stops listening, lets every answer leave, and resolves when no connection is left. */
export async function closeServer(server: Server | Http2SecureServer): Promise<void> {
  const closed = once(server, "close");
  const { sockets, sessions } = trackedOf.get(server) ?? {
    sockets: new Set(),
    sessions: new Set(),
  };
  server.close();
  // Ends once its streams have ended (RFC 9113 §6.8, GOAWAY).
  for (const session of sessions) session.close();
  const closeIdle = setInterval(() => {
    if ("closeIdleConnections" in server) server.closeIdleConnections();
  }, IDLE_CHECK_MS);
  const cutOff = setTimeout(() => {
    if ("closeAllConnections" in server) server.closeAllConnections();
    for (const session of sessions) session.destroy();
    for (const socket of sockets) socket.destroy();
  }, MAX_CLOSING_MS);
  await closed;
  clearInterval(closeIdle);
  clearTimeout(cutOff);
}

function isHttp2(server: Server | Http2SecureServer): server is Http2SecureServer {
  return "updateSettings" in server;
}
