import { SseBusError } from "./errors.ts";

/**
 * Refuses JSON text with a number that `JSON.parse` changes: an integer that a double cannot hold, a
 * decimal of more than 17 significant digits, or what is too large or too small for a double. What
 * programs print for a double passes, and so does another way to write it (`1e21`, `0.10`).
 *
 * `text` must be JSON already: this only looks for its numbers, in linear time.
 *
 * @throws SseBusError `INVALID_DATA`, naming the path
 * @see https://www.rfc-editor.org/rfc/rfc8259#section-6
 */
export function assertExactNumbers(text: string): void {
  const { length } = text;
  for (let index = 0; index < length; index++) {
    const char = text.charCodeAt(index);
    if (char === QUOTE) {
      index = endOfString(text, index);
    } else if (char === MINUS || isDigit(char)) {
      const start = index;
      let mantissaEnd = 0;
      while (++index < length && isInNumber(text.charCodeAt(index))) {
        if ((text.charCodeAt(index) | LOWER) === E) mantissaEnd = index;
      }
      // Most numbers end here, and most others two lines below: the full check takes ten times as long.
      const isShort = (mantissaEnd || index) - start <= SAFE_DIGITS;
      if (isShort && mantissaEnd === 0) continue;
      const token = text.slice(start, index);
      const value = Number(token);
      if ((isShort || FRACTION.test(token)) && isNormal(value)) continue;
      if (String(value) !== token && !isKept(token, value))
        throw refuse(token, pathTo(text, start));
    }
  }
}

/** Not an integer, and at most {@link MAX_DIGITS} significant digits. */
const FRACTION = /^-?(?:0\.0*[1-9](?:\d{0,15}[1-9])?|(?=[\d.]{3,18}$)[1-9]\d*\.\d*[1-9])$/;
const QUOTE = 0x22;
const MINUS = 0x2d;
const E = 0x65;
const LOWER = 0x20;
/** A double holds any number of so many digits (C's DBL_DIG). */
const SAFE_DIGITS = 15;
/** So many digits tell any two doubles apart (`%.17g`). */
const MAX_DIGITS = 17;
/** What `toPrecision` can do. */
const MAX_PRECISION = 100;
/** The least double with all its 53 bits. */
const MIN_NORMAL = 2.2250738585072014e-308;

function isNormal(value: number): boolean {
  return Number.isFinite(value) && Math.abs(value) >= MIN_NORMAL;
}

function isKept(token: string, value: number): boolean {
  if (!Number.isFinite(value)) return false;
  const written = normalize(token);
  if (written === normalize(String(value))) return true;
  if (value === 0) return false;
  const [digits = "", exponent = ""] = written.split("e");
  // An integer in full must be exact, as it may be an id; all else may be what is printed for a double.
  if (/[.eE]/.test(token) && digits.length <= MAX_PRECISION) {
    if (written === normalize(value.toPrecision(digits.length))) return true;
  }
  if (Number(exponent) < 0) return digits.length <= MAX_DIGITS && isNormal(value);
  // At most 309 digits, as the value is finite.
  return BigInt(digits + "0".repeat(Number(exponent))) === BigInt(Math.abs(value));
}

/** A number's significant digits and the power of ten of the last one, one text for one value. */
function normalize(token: string): string {
  const [mantissa = "", exponent = "0"] = token.replace(/^-/, "").toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  const all = (whole + fraction).replace(/^0+/, "");
  if (all === "") return "0e0";
  let end = all.length;
  while (all[end - 1] === "0") end--;
  return `${all.slice(0, end)}e${Number(exponent) - fraction.length + all.length - end}`;
}

/** `data.orders[2].id`: where in the text the value at `offset` stands. */
function pathTo(text: string, offset: number): string {
  const path: (string | number)[] = [];
  let isKey = false;
  for (let index = 0; index < offset; index++) {
    const char = text[index];
    if (char === '"') {
      const end = endOfString(text, index);
      if (isKey) path[path.length - 1] = JSON.parse(text.slice(index, end + 1)) as string;
      isKey = false;
      index = end;
    } else if (char === "[") {
      path.push(0);
      isKey = false;
    } else if (char === "{") {
      path.push("");
      isKey = true;
    } else if (char === "]" || char === "}") {
      path.pop();
      isKey = false;
    } else if (char === ",") {
      const last = path.at(-1);
      if (typeof last === "number") path[path.length - 1] = last + 1;
      else isKey = true;
    }
  }
  const named = path.map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`)).join("");
  return named.replace(/^\./, "").slice(0, 200);
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

function isEscaped(text: string, index: number): boolean {
  let start = index;
  while (text[start - 1] === "\\") start--;
  return (index - start) % 2 === 1;
}

function isDigit(char: number): boolean {
  return char >= 0x30 && char <= 0x39;
}

/** Digits, `.`, `+`, `-`, `e`, `E`. */
function isInNumber(char: number): boolean {
  return isDigit(char) || char === 0x2e || char === 0x2b || char === MINUS || (char | LOWER) === E;
}

function refuse(token: string, path: string): SseBusError {
  const shown = token.length > 40 ? `${token.slice(0, 40)}…` : token;
  return new SseBusError(
    "INVALID_DATA",
    `\`${path}\` is ${shown}, which would become ${Number(token)}: send it as a string.`,
  );
}
