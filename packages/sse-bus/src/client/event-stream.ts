/**
 * Creates a parser for one event stream (HTML standard §9.2.5 and §9.2.6). Its bytes may be cut anywhere.
 * SPEC.md, "The parser", says why this is no library.
 *
 * @param onBlock called for each block with its type (`message` if it names none), its data and the last
 *   event id. A block without data is no event, but moves the last event id as well.
 * @param onRetry called with the reconnection time, in ms, of a `retry` field
 * @param lastEventId the last event id of the stream before. As in browsers, blocks without an id keep it.
 *
 * @example
 * ```ts
 * const feed = createEventStreamParser((type, data) => console.log(type, data), () => {});
 * feed(new TextEncoder().encode("event: tick\ndata: 1\n\n"));
 * ```
 */
export function createEventStreamParser(
  onBlock: (type: string, data: string | undefined, lastEventId: string) => void,
  onRetry: (retryMs: number) => void,
  lastEventId = "",
): (bytes: Uint8Array) => void {
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  let unfinished = "";
  // Dropped if the next text begins with it. The first text may begin with one byte order mark, which the
  // standard's "UTF-8 decode" drops. The decoder of Node.js 26 would drop a second one too.
  let skipped = "\uFEFF";
  let type = "";
  let data = "";

  const processLine = (line: string): void => {
    const [, field, value = ""] = FIELD.exec(line) as RegExpExecArray;
    if (!line) {
      const [blockType, blockData] = [type || "message", data];
      type = data = "";
      onBlock(blockType, blockData ? blockData.slice(0, -1) : undefined, lastEventId);
    } else if (field === "data") {
      data += `${value}\n`;
    } else if (field === "event") {
      type = value;
    } else if (field === "id" && !value.includes("\0")) {
      lastEventId = value;
    } else if (field === "retry" && /^\d+$/.test(value)) {
      onRetry(Number(value));
    }
  };

  return (bytes) => {
    let text = utf8.decode(bytes, { stream: true });
    if (!text) return;
    if (text[0] === skipped) text = text.slice(1);
    // A CR ends its line at once: the next byte, which may be an LF, may take minutes to arrive.
    skipped = text.at(-1) === "\r" ? "\n" : "";
    unfinished += text;
    // Only the new text is searched: a long line in small pieces would take quadratic time.
    if (/[\r\n]/.test(text)) {
      const lines = unfinished.split(/\r\n?|\n/);
      unfinished = lines.pop() as string;
      lines.forEach(processLine);
    }
  };
}

/** A comment has the empty field name. One space after the colon belongs to the syntax. */
const FIELD = /^([^:]*)(?:: ?(.*))?$/s;
