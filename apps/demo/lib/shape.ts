import * as v from "valibot";

/** The last millisecond that a `Date` can represent. */
const lastDateMs = 8.64e15;

/** A number in a range that is safe to sum, format and draw. */
export const amount = v.pipe(v.number(), v.minValue(-1e15), v.maxValue(1e15));
/** A whole number from 0. */
export const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1e12));
/** A moment in ms since 1970. */
export const moment = v.pipe(v.number(), v.minValue(0), v.maxValue(lastDateMs));
/** A text of at most `maxLength` characters. */
export const text = (maxLength: number) => v.pipe(v.string(), v.maxLength(maxLength));
/** A key of a plain object. Rejects `__proto__` and other inherited names. */
export const name = v.pipe(
  v.string(),
  v.nonEmpty(),
  v.maxLength(300),
  v.check((value) => !(value in {})),
);

/**
 * The data if it matches the schema; otherwise `undefined`. Another version of the app or another
 * program may have published it.
 */
export function readShape<Value>(
  schema: v.GenericSchema<unknown, Value>,
  data: unknown,
): Value | undefined {
  const result = v.safeParse(schema, data, { abortEarly: true });
  return result.success ? result.output : undefined;
}
