/**
 * Makes a parser of one event stream (HTML standard §9.2.5 and §9.2.6), fed with bytes cut anywhere.
 * Why not a library: see SPEC.md, "The parser".
 *
 * @param onBlock told each block: its type (`message` when it names none), its data, and the last
 *   event id. A block without data is no event, but moves the last event id too.
 * @param onRetry told the reconnection time, in ms, that a `retry` field asks for
 * @param lastEventId what the stream before ended with. Blocks without an id keep it, as in browsers.
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
  const utf8 = new TextDecoder(); // Drops one byte order mark, as the standard's "UTF-8 decode" does.
  let unfinished = "";
  let endedWithCr = false;
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
    // A CR ends its line at once: whether an LF follows may take minutes to learn.
    if (endedWithCr && text[0] === "\n") text = text.slice(1);
    endedWithCr = text.at(-1) === "\r";
    unfinished += text;
    // Only joined, not searched again: a long line in small pieces would cost its square.
    if (/[\r\n]/.test(text)) {
      const lines = unfinished.split(/\r\n?|\n/);
      unfinished = lines.pop() as string;
      lines.forEach(processLine);
    }
  };
}

/** A comment has the empty field name. One space after the colon belongs to the syntax. */
const FIELD = /^([^:]*)(?:: ?(.*))?$/s;
