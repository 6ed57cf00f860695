import { SseBusError } from "./errors.ts";
import { encodeJson } from "./json.ts";
import type { MessageContent } from "./message.ts";
import { assertRawData, toDataLines } from "./raw.ts";

/**
 * Data as it is stored.
 *
 * @throws SseBusError `INVALID_DATA`, `MESSAGE_TOO_LARGE`
 */
export function encodeData(
  data: unknown,
  raw = false,
  maxMessageBytes: number,
): Required<Pick<MessageContent, "json" | "raw">> {
  if (!raw) {
    const json = encodeJson(data);
    assertSize(json, maxMessageBytes);
    return { json, raw };
  }
  assertRawData(data);
  // As it is sent: each line break costs the name of a field.
  assertSize(toDataLines(data), maxMessageBytes);
  return { json: JSON.stringify(data), raw };
}

function assertSize(data: string, maxMessageBytes: number): void {
  // UTF-8 takes at most three bytes for a UTF-16 unit: most messages need no counting.
  if (data.length * 3 <= maxMessageBytes) return;
  const bytes = new TextEncoder().encode(data).length;
  if (bytes <= maxMessageBytes) return;
  throw new SseBusError(
    "MESSAGE_TOO_LARGE",
    `The message is ${bytes} bytes of data and \`maxMessageBytes\` is ${maxMessageBytes}: send a reference to the data, or raise the limit.`,
  );
}
