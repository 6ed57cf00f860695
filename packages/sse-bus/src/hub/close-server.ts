import { once } from "node:events";
import type { Server } from "node:http";
import type { Http2SecureServer, Http2Session } from "node:http2";
import type { Socket } from "node:net";
import { startInterval, startTimeout } from "../core/timers.ts";

/** Clients that do not take their last bytes are cut off after this time. */
const MAX_CLOSING_MS = 5000;
/** Connections that have had their last answer, and were kept alive for another, are looked for so often. */
const IDLE_CHECK_MS = 50;

interface Tracked {
  readonly sockets: Set<Socket>;
  readonly sessions: Set<Http2Session>;
}

const trackedOf = new WeakMap<object, Tracked>();

/** Remembers what `closeServer` must close, and must let send what it still holds. */
export function trackSockets(server: Server | Http2SecureServer): void {
  const tracked: Tracked = { sockets: new Set(), sessions: new Set() };
  trackedOf.set(server, tracked);
  server.on("connection", track);
  if (!isHttp2(server)) return;
  server.on("secureConnection", track);
  server.on("session", (session: Http2Session) => {
    tracked.sessions.add(session);
    session.once("close", () => tracked.sessions.delete(session));
  });

  function track(socket: Socket): void {
    tracked.sockets.add(socket);
    socket.on("close", forget);
  }

  // One function for all of them: a server holds tens of thousands.
  function forget(this: Socket): void {
    tracked.sockets.delete(this);
  }
}

/**
 * Stops listening, lets every answer leave, and resolves when no connection is left.
 *
 * @param unanswered Connections that `node:http` does not know and that have no answer yet
 */
export async function closeServer(
  server: Server | Http2SecureServer,
  unanswered: ReadonlySet<Socket>,
): Promise<void> {
  const closed = once(server, "close");
  const { sockets, sessions } = trackedOf.get(server) ?? {
    sockets: new Set(),
    sessions: new Set(),
  };
  stopListening(server);
  // Ends once its streams have ended (RFC 9113 §6.8, GOAWAY).
  for (const session of sessions) session.close();
  const closeIdle = startInterval(() => {
    const isSending = [...sockets].some(({ writableLength }) => writableLength > 0);
    if (!isSending && "closeIdleConnections" in server) server.closeIdleConnections();
  }, IDLE_CHECK_MS);
  const cutOff = startTimeout(() => {
    for (const session of sessions) session.destroy();
    for (const socket of [...sockets, ...unanswered]) socket.destroy();
  }, MAX_CLOSING_MS);
  await closed;
  clearInterval(closeIdle);
  clearTimeout(cutOff);
}

/**
 * `close()` also destroys each connection whose answer has ended, even with bytes of it that have not left,
 * as over TLS they never have in the turn in which they are written: that has to wait.
 *
 * @see https://nodejs.org/api/http.html#serverclosecallback
 */
function stopListening(server: Server | Http2SecureServer): void {
  const own = server as { closeIdleConnections?: () => void };
  own.closeIdleConnections = () => {};
  server.close();
  // What its class has shows again.
  delete own.closeIdleConnections;
}

function isHttp2(server: Server | Http2SecureServer): server is Http2SecureServer {
  return "updateSettings" in server;
}
