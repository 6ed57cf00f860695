/** What JSON text costs to parse, known before it is parsed. */
export interface JsonMeasure {
  /** How deep arrays and objects nest. */
  readonly depth: number;
  /** Characters, without the white space between values. An escape counts as one. */
  readonly size: number;
}

/**
 * Measures JSON text in one pass. A body may be six times as large as its message, because JSON may escape each
 * character as six. Text that uses this space for anything else is not worth parsing: 1.6 MB of `[],[],` take
 * 200 ms.
 */
export function measureJson(text: string): JsonMeasure {
  const { length } = text;
  let depth = 0;
  let deepest = 0;
  let size = 0;
  let index = 0;
  while (index < length) {
    const char = text.charCodeAt(index++);
    if (char <= SPACE) continue;
    size++;
    if (char === QUOTE) {
      for (; index < length; size++) {
        const inside = text.charCodeAt(index++);
        if (inside === QUOTE) break;
        if (inside === BACKSLASH) index += text.charCodeAt(index) === U ? 5 : 1;
      }
    } else if (char === OPEN_ARRAY || char === OPEN_OBJECT) {
      if (++depth > deepest) deepest = depth;
    } else if (char === CLOSE_ARRAY || char === CLOSE_OBJECT) {
      depth--;
    }
  }
  return { depth: deepest, size };
}

const SPACE = 0x20;
const QUOTE = 0x22;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const U = 0x75;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
