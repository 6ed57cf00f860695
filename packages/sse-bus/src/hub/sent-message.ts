import type { LogMessage } from "../core/message.ts";
import type { SentMessage } from "./log-protocol.ts";

/** What a message costs in transit beside its frame, roughly. */
export const MESSAGE_BYTES = 128;

/** Each log that holds a message tracks for itself whether it is superseded. */
export function withoutState(message: LogMessage): SentMessage {
  const { superseded: _, ...sent } = message;
  return sent;
}

/** A message that another process has sent. */
export function received(sent: SentMessage): LogMessage {
  return { ...sent, superseded: false };
}
