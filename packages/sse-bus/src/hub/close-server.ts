import { once } from "node:events";
import type { Server } from "node:http";
import type { Http2SecureServer, Http2Session, Http2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { FAREWELL } from "../http/byte-sink.ts";
import { startInterval, startTimeout } from "../core/timers.ts";

/** Clients that do not read their last bytes are cut off after this time. */
const MAX_CLOSING_MS = 5000;
/** How long a connection over TLS that waits for nothing but its reader is kept, as in `cutOffUnread`. */
const MAX_READING_MS = FAREWELL.graceMs;
/** How often idle kept-alive connections are looked for. */
const IDLE_CHECK_MS = 50;

interface Tracked {
  readonly sockets: Set<Socket>;
  readonly sessions: Set<Http2Session>;
  /** The open streams of HTTP/2. */
  readonly streams: Set<Http2Stream>;
}

const trackedOf = new WeakMap<object, Tracked>();

/** Tracks the connections that `closeServer` closes once they have sent what they hold. */
export function trackSockets(server: Server | Http2SecureServer): void {
  const tracked: Tracked = { sockets: new Set(), sessions: new Set(), streams: new Set() };
  trackedOf.set(server, tracked);
  server.on("connection", track);
  if (!isHttp2(server)) return;
  server.on("secureConnection", track);
  server.on("session", (session: Http2Session) => {
    tracked.sessions.add(session);
    session.once("close", () => tracked.sessions.delete(session));
  });
  server.on("stream", (stream: Http2Stream) => {
    tracked.streams.add(stream);
    stream.on("close", forgetStream);
  });

  function forgetStream(this: Http2Stream): void {
    tracked.streams.delete(this);
  }

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
 * Stops listening, waits until every answer has been sent, and resolves when no connection is left.
 *
 * @param unanswered Connections outside of `node:http` that have no answer yet
 */
export async function closeServer(
  server: Server | Http2SecureServer,
  unanswered: ReadonlySet<Socket>,
): Promise<void> {
  const closed = once(server, "close");
  const tracked = trackedOf.get(server) ?? {
    sockets: new Set(),
    sessions: new Set(),
    streams: new Set(),
  };
  const { sockets, sessions } = tracked;
  stopListening(server);
  // Ends once its streams have ended (RFC 9113 §6.8, GOAWAY).
  for (const session of sessions) session.close();
  const closeIdle = startInterval(() => {
    const isSending = [...sockets].some(({ writableLength }) => writableLength > 0);
    if (!isSending && "closeIdleConnections" in server) server.closeIdleConnections();
  }, IDLE_CHECK_MS);
  const cutOffUnread = startTimeout(() => {
    if (isHttp2(server)) destroyIdle(tracked);
  }, MAX_READING_MS);
  const cutOff = startTimeout(() => {
    for (const session of sessions) session.destroy();
    for (const socket of [...sockets, ...unanswered]) socket.destroy();
  }, MAX_CLOSING_MS);
  await closed;
  clearInterval(closeIdle);
  clearTimeout(cutOffUnread);
  clearTimeout(cutOff);
}

/**
 * Destroys the connections over TLS on which no answer is being made: those whose handshake has not finished, and
 * those of HTTP/2 whose client does not read the end of its streams. `node:http` closes those of HTTP/1.1 itself.
 */
function destroyIdle({ sockets, streams }: Tracked): void {
  const busy = new Set<string>();
  for (const { session, writableEnded } of streams) {
    if (session && !session.destroyed && !writableEnded) busy.add(peerOf(session.socket));
  }
  for (const socket of sockets) {
    if (isTls(socket) && socket.alpnProtocol !== "h2") busy.add(peerOf(socket));
  }
  for (const socket of sockets) if (!busy.has(peerOf(socket))) socket.destroy();
}

/** The same for a connection and the TLS socket on it. */
function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function isTls(socket: Socket): socket is TLSSocket {
  return "alpnProtocol" in socket;
}

/**
 * Stops listening without closing idle connections. `close()` also destroys each connection whose answer has
 * ended, even if bytes of it have not been sent; over TLS they never are in the turn in which they are written.
 *
 * @see https://nodejs.org/api/http.html#serverclosecallback
 */
function stopListening(server: Server | Http2SecureServer): void {
  const own = server as { closeIdleConnections?: () => void };
  own.closeIdleConnections = () => {};
  server.close();
  // Uncovers the method of its class.
  delete own.closeIdleConnections;
}

function isHttp2(server: Server | Http2SecureServer): server is Http2SecureServer {
  return "updateSettings" in server;
}
