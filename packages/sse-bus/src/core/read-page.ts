import type { Backend, ChannelPage } from "./backend.ts";
import { type LogMessage, messageBytes } from "./message.ts";

/**
 * The next page of a channel, with about `maxBytes`; see {@link Backend.readAfter}.
 *
 * @throws SseBusError `BACKEND_UNAVAILABLE`, `BUS_CLOSED`
 */
export async function readPage(
  backend: Backend,
  channel: string,
  after: number,
  maxBytes: number,
): Promise<ChannelPage> {
  if (backend.readAfter) return backend.readAfter(channel, after, maxBytes);
  const { messages } = await backend.read(channel);
  const found = messages.findIndex(({ seq }) => seq > after);
  const start = found < 0 ? messages.length : found;
  let end = start;
  for (let bytes = 0; end < messages.length && bytes < maxBytes; end++) {
    bytes += messageBytes(messages[end] as LogMessage);
  }
  return { messages: messages.slice(start, end), isLast: end === messages.length };
}
