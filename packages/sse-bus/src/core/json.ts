import { SseBusError } from "./errors.ts";

/**
 * Maximum nesting depth of data. It is far below the depth at which a stack overflows, so that later steps
 * and clients can write and parse data that passed this check.
 */
export const MAX_DEPTH = 1000;

/**
 * Like `JSON.stringify`, but rejects data that JSON would silently drop or change.
 *
 * @throws SseBusError `INVALID_DATA`, with the path of the value, for `undefined`, functions, symbols,
 * BigInt, NaN and infinities, cycles, nesting beyond 1000 levels, invalid dates, bytes, and objects that JSON
 * would turn into `{}` (Map, Set, Error, Promise).
 */
export function encodeJson(data: unknown): string {
  try {
    check(data, ["data"], new Set());
    return JSON.stringify(data);
  } catch (cause) {
    if (cause instanceof SseBusError) throw cause;
    // A getter or a `toJSON` threw this error.
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SseBusError("INVALID_DATA", `\`data\` cannot be written as JSON: ${reason}`, {
      cause,
    });
  }
}

/**
 * Names and indices from `data` to a value. Joined only for an error, because joining costs more than the
 * check.
 */
type Path = (string | number)[];

function check(value: unknown, path: Path, ancestors: Set<object>, isConverted = false): void {
  switch (typeof value) {
    case "string":
    case "boolean":
      return;
    case "number":
      if (!Number.isFinite(value)) {
        throw refuse(path, `is ${value}`, "send null or a string instead.");
      }
      return;
    case "object":
      if (value === null) return;
      // `JSON.stringify` calls `toJSON` once, and not again on its result.
      if (!isConverted && "toJSON" in value && typeof value.toJSON === "function") {
        checkDate(value, path);
        check(value.toJSON(""), path, ancestors, true);
      } else {
        checkObject(value, path, ancestors);
      }
      return;
    case "undefined":
      throw refuse(path, "is undefined", "leave the property out or send null.");
    case "bigint":
      throw refuse(path, "is a BigInt", "send it as a string.");
    default:
      throw refuse(path, `is a ${typeof value}`, "send plain data.");
  }
}

function checkObject(value: object, path: Path, ancestors: Set<object>): void {
  if (ancestors.has(value)) {
    throw refuse(path, "refers back to one of its own parents", "send a tree without cycles.");
  }
  if (ancestors.size >= MAX_DEPTH) {
    throw refuse(["data"], `nests deeper than ${MAX_DEPTH} levels`, "send a flatter shape.");
  }
  ancestors.add(value);
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      path.push(index);
      check(value[index], path, ancestors);
      path.pop();
    }
  } else {
    const keys = Object.keys(value);
    if (keys.length === 0 || ArrayBuffer.isView(value)) checkExotic(value, path);
    for (const key of keys) {
      path.push(key);
      check((value as Record<string, unknown>)[key], path, ancestors);
      path.pop();
    }
  }
  ancestors.delete(value);
}

/** `JSON.stringify(new Map([[1, 2]]))` is `{}`, so the content would be lost silently. */
function checkExotic(value: object, path: Path): void {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return;
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  if (tag === "Number") check(Number(value), path, new Set());
  if (tag === "Object" || tag === "String" || tag === "Number" || tag === "Boolean") return;
  throw refuse(
    path,
    `is a ${tag}, which JSON would write as an object`,
    "convert it to plain data.",
  );
}

/** `JSON.stringify(new Date(NaN))` is `null`. */
function checkDate(value: object, path: Path): void {
  if (!(value instanceof Date) || !Number.isNaN(value.getTime())) return;
  throw refuse(path, "is an invalid Date", "send null or a string instead.");
}

function refuse([root = "", ...steps]: Path, what: string, remedy: string): SseBusError {
  const path = steps.map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`));
  return new SseBusError("INVALID_DATA", `\`${root}${path.join("")}\` ${what}: ${remedy}`);
}
