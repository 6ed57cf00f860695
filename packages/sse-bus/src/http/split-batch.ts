import { MAX_BATCH_MESSAGES } from "../core/backend.ts";
import { endOfString } from "../core/json-string.ts";
import { Refusal } from "./refusal.ts";

/**
 * The texts of a JSON array's elements. Each of them is then read as a single message is, so that the same limits
 * apply to it, and an error names it. What is no array, or no JSON, gives an element that is not JSON.
 *
 * @throws Refusal `BATCH_TOO_LARGE`
 */
export function splitArray(text: string): string[] {
  const elements: string[] = [];
  const end = text.length;
  let index = text.indexOf("[") + 1;
  let start = index;
  let depth = 0;
  let isClosed = false;
  for (; index < end && !isClosed; index++) {
    const char = text.charCodeAt(index);
    if (char === QUOTE) index = endOfString(text, index);
    else if (char === OPEN_ARRAY || char === OPEN_OBJECT) depth++;
    else if (depth > 0 && (char === CLOSE_ARRAY || char === CLOSE_OBJECT)) depth--;
    else if (depth === 0 && (char === COMMA || char === CLOSE_ARRAY)) {
      add(elements, text.slice(start, index));
      start = index + 1;
      isClosed = char === CLOSE_ARRAY;
    }
  }
  const rest = text.slice(start);
  if (!isClosed) elements.push(rest, "");
  else if (!isBlank(rest)) elements.push(`]${rest}`);
  const isEmpty = elements.length === 1 && isBlank(elements[0] ?? "") && isClosed;
  return isEmpty ? [] : elements;
}

/**
 * The lines of NDJSON. Empty ones do not count.
 *
 * @throws Refusal `BATCH_TOO_LARGE`
 */
export function splitLines(text: string): string[] {
  const lines: string[] = [];
  for (let start = 0; start < text.length;) {
    const end = text.indexOf("\n", start);
    const line = text.slice(start, end < 0 ? undefined : end);
    if (!isBlank(line)) add(lines, line);
    start = end < 0 ? text.length : end + 1;
  }
  return lines;
}

/** The white space of JSON (RFC 8259 §2); `trim` takes more. */
function isBlank(text: string): boolean {
  return /^[\t\n\r ]*$/.test(text);
}

/** Stops early: a body may have a million of commas. */
function add(texts: string[], text: string): void {
  if (texts.push(text) <= MAX_BATCH_MESSAGES) return;
  throw new Refusal(
    {
      status: 413,
      code: "BATCH_TOO_LARGE",
      detail: `The batch has more than ${MAX_BATCH_MESSAGES} messages (\`maxBatchMessages\`): publish it in parts.`,
    },
    { limit: "maxBatchMessages" },
  );
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
