import type { EventSourceMessage } from "eventsource-parser";
import { parseStream } from "./event-stream.ts";

/** The events of a page, and how many bytes they are. */
export async function readPage(
  response: Response,
): Promise<{ readonly events: EventSourceMessage[]; readonly bytes: number }> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  return { events: parseStream([bytes]), bytes: bytes.length };
}
