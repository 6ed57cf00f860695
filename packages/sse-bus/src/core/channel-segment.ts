import { SseBusError } from "./errors.ts";

/**
 * Any text as one segment of a channel's name: an e-mail address, a path, a name in any script. Different
 * texts give different segments, and {@link decodeChannelSegment} gives the text back. Characters that
 * names may have stay, except `~` and `:`; of all others each byte of UTF-8 becomes `:` and two hex digits.
 *
 * The whole name has at most 200 characters, and a byte that is encoded takes three.
 *
 * @throws SseBusError `INVALID_CHANNEL` for half of a surrogate pair, which has no UTF-8
 *
 * @example
 * ```ts
 * const channel = `users/${encodeChannelSegment("ada@example.com")}`; // users/ada:40example.com
 * ```
 */
export function encodeChannelSegment(text: string): string {
  return recode(text, () =>
    encodeURIComponent(text)
      .replace(/[!'()*~]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll("%", ":"),
  );
}

/**
 * The text that {@link encodeChannelSegment} was given.
 *
 * @throws SseBusError `INVALID_CHANNEL` for a segment that it cannot have made
 *
 * @example
 * ```ts
 * decodeChannelSegment("ada:40example.com"); // "ada@example.com"
 * ```
 */
export function decodeChannelSegment(segment: string): string {
  const text = recode(segment, () => decodeURIComponent(segment.replaceAll(":", "%")));
  if (encodeChannelSegment(text) === segment) return text;
  throw invalid(segment);
}

function recode(text: string, run: () => string): string {
  try {
    return run();
  } catch {
    throw invalid(text);
  }
}

function invalid(text: string): SseBusError {
  return new SseBusError(
    "INVALID_CHANNEL",
    `${JSON.stringify(text.slice(0, 80))} cannot be a segment of a channel's name: it is no well-formed text, or was not made by encodeChannelSegment.`,
  );
}
