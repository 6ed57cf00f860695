import { SseBusError } from "./errors.ts";

/** How a line break stands in an event stream: as another `data` line. */
const NEXT_LINE = "\ndata: ";
/** A CR that another program has stored must not end the line and begin a field of its choice. */
const LINE_BREAK = /\r\n?|\n/g;

/**
 * Checks data that is sent as it is, and not as JSON. An event stream carries any text but CR, which
 * it gives back as LF, NUL, on which browsers disagree, and lone surrogates, which UTF-8 lacks. What
 * it would change is refused, so that the receiver gets exactly what was published.
 *
 * @throws SseBusError `INVALID_DATA`
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export function assertRawData(data: unknown): asserts data is string {
  if (typeof data !== "string") {
    throw refuse(`\`data\` is of type ${typeof data}: with \`raw\` it must be a string.`);
  }
  if (data.includes("\r")) {
    throw refuse(
      `\`data\` has a CR at ${data.indexOf("\r")}, which an event stream gives back as LF: write line breaks as LF, as \`data.replace(/\\r\\n?/g, "\\n")\` does, or publish without \`raw\`.`,
    );
  }
  if (data.includes("\0") || !data.isWellFormed()) {
    throw refuse(
      "`data` has NUL or a lone surrogate, which an event stream does not carry: take it out, or publish without `raw`.",
    );
  }
}

/** What stands behind `data: ` for this text. */
export function toDataLines(text: string): string {
  return text.replace(LINE_BREAK, NEXT_LINE);
}

/** The text that {@link toDataLines} was given. */
export function fromDataLines(lines: string): string {
  return lines.replaceAll(NEXT_LINE, "\n");
}

function refuse(message: string): SseBusError {
  return new SseBusError("INVALID_DATA", message);
}
