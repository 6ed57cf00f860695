import * as v from "valibot";

/** The last millisecond that a `Date` can hold: a later one cannot be formatted. */
const lastDateMs = 8.64e15;

/** A number that is safe to add up, to format and to draw. */
export const amount = v.pipe(v.number(), v.minValue(-1e15), v.maxValue(1e15));
/** A whole number from 0. */
export const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1e12));
/** A moment in ms since 1970. */
export const moment = v.pipe(v.number(), v.minValue(0), v.maxValue(lastDateMs));
/** A text of at most `maxLength` characters. */
export const text = (maxLength: number) => v.pipe(v.string(), v.maxLength(maxLength));
/** A key of a plain object: `__proto__` and its like would change the object itself. */
export const name = v.pipe(
  v.string(),
  v.nonEmpty(),
  v.maxLength(300),
  v.check((value) => !(value in {})),
);

/**
 * Data as it came from the bus, if it has the shape; otherwise `undefined`. Another version of the app,
 * another instance or a stranger may have published it, and history keeps it for everybody.
 */
export function readShape<Value>(
  schema: v.GenericSchema<unknown, Value>,
  data: unknown,
): Value | undefined {
  const result = v.safeParse(schema, data, { abortEarly: true });
  return result.success ? result.output : undefined;
}
