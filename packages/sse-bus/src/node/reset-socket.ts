import type { Socket } from "node:net";

/**
 * Closes a connection and drops what the operating system has not sent yet (RST, RFC 9293 §3.5.2). A plain
 * close would still send all of it to a client that begins to read. Under TLS, and where the runtime has no
 * such call, it is a plain close.
 */
export function resetSocket(socket: Socket): void {
  // Without pending bytes a shutdown may be under way, during which libuv refuses a reset.
  if (socket.writableLength > 0) {
    try {
      socket.resetAndDestroy();
    } catch {
      // ERR_INVALID_HANDLE_TYPE: the socket of TLS is a layer above that of TCP.
    }
  }
  // The reset itself waits for the pending bytes, which a stalled client never reads.
  socket.destroy();
}
