import type { IncomingMessage, ServerResponse } from "node:http";
import { inBackground, startTimeout } from "../core/timers.ts";
import { cutOffUnread } from "./response-writer.ts";

/**
 * Cuts the connection of a client that does not read an answer in time: the answer would stay in memory. Call it when
 * the response has been ended. The socket is that of the request, as a response that waits behind another one on its
 * connection has none.
 */
export function cutOffUnreadAnswer(
  { socket }: IncomingMessage,
  response: ServerResponse,
  graceMs: number,
): void {
  // Other streams of an HTTP/2 connection continue.
  if ("stream" in response) {
    cutOffUnread(response, { graceMs, isReset: true });
    return;
  }
  if (response.writableLength === 0) return;
  const timer = inBackground(startTimeout(() => void socket.destroy(), graceMs));
  response.once("close", () => clearTimeout(timer));
}
