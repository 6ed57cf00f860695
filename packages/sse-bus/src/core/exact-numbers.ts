import { SseBusError } from "./errors.ts";
import { endOfString } from "./json-string.ts";

/**
 * Refuses JSON text with a number whose value changes when it is parsed and written again:
 *
 * - An integer passes if `JSON.stringify` writes the same integer. A double can be exact and still be
 *   written with other digits: 2^56 is written as 72057594037927940.
 * - A decimal passes if it is what a program prints for its double: the nearest one with as many digits
 *   (`toPrecision`).
 * - Another way to write the same value passes: `1e21`, `0.10`.
 * - `-0` passes, and is written as `0`. What is too large or too small for a double is refused.
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
      if (isShort && isNormal(value)) continue;
      if (String(value) !== token && !isKept(token, value))
        throw refuse(token, pathTo(text, start));
    }
  }
}

const QUOTE = 0x22;
const MINUS = 0x2d;
const E = 0x65;
const LOWER = 0x20;
/** A double holds any number with this many digits (C's DBL_DIG). */
const SAFE_DIGITS = 15;
/** What `toPrecision` can do. */
const MAX_PRECISION = 100;
/** The least double with all its 53 bits. */
const MIN_NORMAL = 2.2250738585072014e-308;

function isNormal(value: number): boolean {
  return Number.isFinite(value) && Math.abs(value) >= MIN_NORMAL;
}

function isKept(token: string, value: number): boolean {
  if (!Number.isFinite(value)) return false;
  const given = normalize(token);
  if (given === normalize(String(value))) return true;
  const [digits = "", exponent = ""] = given.split("e");
  // An integer may be an id: only its own digits are the same.
  if (value === 0 || Number(exponent) >= 0) return false;
  return digits.length <= MAX_PRECISION && given === normalize(value.toPrecision(digits.length));
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
