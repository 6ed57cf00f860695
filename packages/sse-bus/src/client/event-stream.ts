/** What a parsed event stream tells. */
export interface EventStreamHandlers {
  /** A whole event: its type (`message` when the block names none), its data, the last event id. */
  onEvent: (type: string, data: string, lastEventId: string) => void;
  /** The last event id, after every block, also after one that carries nothing but an id. */
  onLastEventId?: (lastEventId: string) => void;
  /** The reconnection time in milliseconds that a `retry` field asks for. */
  onRetry?: (retryMs: number) => void;
}

/**
 * Makes a parser of one event stream (HTML standard §9.2.5 and §9.2.6), fed with bytes cut anywhere.
 *
 * Why not a library: see SPEC.md, "The parser".
 *
 * @param lastEventId what the stream before this one ended with. Blocks without an id keep it, as
 *   every browser does.
 *
 * @example
 * ```ts
 * const feed = createEventStreamParser({ onEvent: (type, data) => console.log(type, data) });
 * feed(new TextEncoder().encode("event: tick\ndata: 1\n\n"));
 * ```
 */
export function createEventStreamParser(
  handlers: EventStreamHandlers,
  lastEventId = "",
): (bytes: Uint8Array) => void {
  const utf8 = new TextDecoder(); // Drops one byte order mark, as the standard's "UTF-8 decode" does.
  let unfinished = "";
  let endedWithCr = false;
  let type = "";
  let data = "";

  const processLine = (line: string): void => {
    if (!line) {
      handlers.onLastEventId?.(lastEventId);
      const [eventType, eventData] = [type || "message", data];
      type = data = "";
      if (eventData) handlers.onEvent(eventType, eventData.slice(0, -1), lastEventId);
      return;
    }
    const [, field, value = ""] = FIELD.exec(line) as RegExpExecArray;
    if (field === "data") data += `${value}\n`;
    else if (field === "event") type = value;
    else if (field === "id" && !value.includes("\0")) lastEventId = value;
    else if (field === "retry" && /^\d+$/.test(value)) handlers.onRetry?.(Number(value));
  };

  return (bytes) => {
    let text = utf8.decode(bytes, { stream: true });
    if (!text) return;
    // A CR ends its line at once: whether an LF follows may take minutes to learn.
    if (endedWithCr && text.startsWith("\n")) text = text.slice(1);
    endedWithCr = text.endsWith("\r");
    if (/[\r\n]/.test(text)) {
      const lines = (unfinished + text).split(/\r\n?|\n/);
      unfinished = lines.pop() as string;
      lines.forEach(processLine);
    } else {
      // Only joined, not searched again: a long line in small pieces would cost its square.
      unfinished += text;
    }
  };
}

/** A comment has the empty field name. One space after the colon belongs to the syntax. */
const FIELD = /^([^:]*)(?:: ?(.*))?$/s;
