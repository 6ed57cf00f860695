/**
 * What arrives of data of type `Data`: it travels as JSON, so a `Date` comes as a string, a class with
 * `toJSON` as what that returns, and methods do not come at all. What `publish` refuses is `never`.
 *
 * @example
 * ```ts
 * type Tick = Jsonify<{ at: Date; price: number }>; // { at: string; price: number }
 * ```
 */
export type Jsonify<Data> = 0 extends 1 & Data
  ? Data
  : unknown extends Data
    ? Data
    : Data extends { toJSON: (...args: never[]) => infer Converted }
      ? Written<Converted>
      : Written<Data>;

/** `JSON.stringify` asks `toJSON` once: what it gives is written as it is. */
type Written<Data> = 0 extends 1 & Data
  ? Data
  : unknown extends Data
    ? Data
    : Data extends string | number | boolean | null
      ? Data
      : Data extends Refused
        ? never
        : Data extends Boxed
          ? ReturnType<Data["valueOf"]>
          : Data extends readonly unknown[]
            ? { [Index in keyof Data]: Jsonify<Data[Index]> }
            : Data extends object
              ? { [Key in keyof Data as WrittenKey<Data, Key>]: Jsonify<Data[Key]> }
              : never;

/** `JSON.stringify` takes them out of their boxes. */
// oxlint-disable-next-line typescript/no-wrapper-object-types -- they are meant
type Boxed = String | Number | Boolean;

type Refused =
  | bigint
  | symbol
  | undefined
  | ((...args: never[]) => unknown)
  | ArrayBuffer
  | ArrayBufferView
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | WeakMap<WeakKey, unknown>
  | WeakSet<WeakKey>
  | Promise<unknown>;

type WrittenKey<Data, Key extends keyof Data> = Key extends symbol
  ? never
  : Data[Key] extends (...args: never[]) => unknown
    ? never
    : Key;
