import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyText } from "../../test/support/any-text.ts";
import { encodeJson } from "./json.ts";

const anyJson = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    anyText,
    fc.integer(),
    fc
      .double({ noNaN: true, noDefaultInfinity: true })
      .map((number) => (number === 0 ? 0 : number)),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(fc.oneof(anyText, fc.constantFrom("__proto__", "toString", "")), tie("value"), {
      maxKeys: 5,
    }),
  ),
})).value;

test("accepted data comes out of JSON.parse unchanged, and its JSON is one line", () => {
  fc.assert(
    fc.property(anyJson, (value) => {
      const json = encodeJson(value);
      expect(json).not.toMatch(/[\r\n]/);
      expect(JSON.parse(json)).toEqual(value);
    }),
    { numRuns: 500 },
  );
});

test("any value either round-trips as in JSON or is rejected with the coded error", () => {
  const anything = fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withSparseArray: true,
    withNullPrototype: true,
  });
  fc.assert(
    fc.property(anything, (value) => {
      let json: string;
      try {
        json = encodeJson(value);
      } catch (error) {
        expect(error).toMatchObject({ code: "INVALID_DATA" });
        return;
      }
      // What JSON omits or replaces by null is visible in the first round trip or in the second.
      expect(() => JSON.parse(json)).not.toThrow();
      expect(encodeJson(JSON.parse(json))).toBe(json);
    }),
    { numRuns: 1000 },
  );
});

describe("every rejection names its path", () => {
  const cycle: { list: unknown[] } = { list: [] };
  cycle.list.push({ back: cycle });
  class Secret {
    readonly #hidden = 1;
    reveal(): number {
      return this.#hidden;
    }
  }
  // oxlint-disable-next-line no-sparse-arrays -- the hole is under test
  const sparse = [1, , 3];

  test.each<[string, unknown, string, RegExp]>([
    ["undefined itself", undefined, "data", /is undefined/],
    ["an undefined property", { a: { b: undefined } }, "data.a.b", /leave the property out/],
    ["a hole in an array", { list: sparse }, "data.list[1]", /is undefined/],
    ["a function", { a: [() => 1] }, "data.a[0]", /is a function/],
    ["a symbol", [[Symbol("s")]], "data[0][0]", /is a symbol/],
    ["a BigInt", { total: 10n }, "data.total", /BigInt/],
    ["a boxed BigInt", { total: Object(10n) as unknown }, "data.total", /BigInt/],
    ["NaN", { a: [1, Number.NaN] }, "data.a[1]", /is NaN/],
    ["infinity", { a: Number.NEGATIVE_INFINITY }, "data.a", /is -Infinity/],
    // oxlint-disable-next-line no-new-wrappers -- some libraries do
    ["a boxed NaN", { a: new Number(Number.NaN) }, "data.a", /is NaN/],
    ["a cycle", cycle, "data.list[0].back", /refers back/],
    ["a Map", { a: new Map([[1, 2]]) }, "data.a", /is a Map/],
    ["a Set", [new Set([1])], "data[0]", /is a Set/],
    ["an Error", { error: new Error("lost") }, "data.error", /is a Error/],
    ["a Promise", { later: Promise.resolve(1) }, "data.later", /is a Promise/],
    ["a RegExp", { a: /x/ }, "data.a", /is a RegExp/],
    ["an ArrayBuffer", { a: new ArrayBuffer(2) }, "data.a", /is a ArrayBuffer/],
    ["bytes, which JSON writes as an object", { a: new Uint8Array([1]) }, "data.a", /Uint8Array/],
    ["an invalid date, which JSON writes as null", { at: new Date(Number.NaN) }, "data.at", /Date/],
    ["what toJSON gives", { a: { toJSON: () => undefined } }, "data.a", /is undefined/],
    [
      "NaN within the result of toJSON",
      [{ toJSON: () => ({ b: Number.NaN }) }],
      "data[0].b",
      /NaN/,
    ],
    [
      "a Date within the result of toJSON, which JSON writes as {}",
      { a: { toJSON: () => new Map([[1, 2]]) } },
      "data.a",
      /is a Map/,
    ],
  ])("%s", (_, value, path, reason) => {
    const encode = (): string => encodeJson(value);
    expect(encode).toThrow(expect.objectContaining({ code: "INVALID_DATA" }));
    expect(encode).toThrow(`\`${path}\` `);
    expect(encode).toThrow(reason);
  });

  test("an object without enumerable properties is accepted, because it may be empty on purpose", () => {
    expect(encodeJson(new Secret())).toBe("{}");
  });

  test("nesting too deep for the stack is rejected without a RangeError", () => {
    let deep: unknown = 1;
    for (let n = 0; n < 100_000; n++) deep = [deep];
    expect(() => encodeJson(deep)).toThrow(expect.objectContaining({ code: "INVALID_DATA" }));
  });

  test("data with a getter or a toJSON that throws is rejected, with the error as the cause", () => {
    const cause = new Error("no");
    const value = {
      get a(): never {
        throw cause;
      },
    };
    expect(() => encodeJson(value)).toThrow(
      expect.objectContaining({ code: "INVALID_DATA", cause }),
    );
  });
});

test("the same object twice is not a cycle", () => {
  const shared = { a: 1 };
  expect(encodeJson([shared, { shared }, shared])).toBe('[{"a":1},{"shared":{"a":1}},{"a":1}]');
});

test("an object with toJSON is written as by JSON.stringify", () => {
  const at = new Date(0);
  const buffer = Buffer.from("ab");
  const url = new URL("http://a/");
  for (const value of [
    at,
    { at },
    [buffer],
    { url },
    { a: { toJSON: (key: string) => `at ${key}` } },
  ]) {
    expect(encodeJson(value)).toBe(JSON.stringify(value));
  }
});

test("toJSON is called once, even if it returns another object with a toJSON, as in JSON.stringify", () => {
  const inner = { a: 1, toJSON: () => "second" };
  // JSON.stringify calls it once, then writes the object without its function.
  expect(() => encodeJson({ toJSON: () => inner })).toThrow(/`data\.toJSON` is a function/);
  expect(() => encodeJson({ toJSON: () => new Date(0) })).toThrow(/`data` is a Date/);
});

test("a megabyte is checked and encoded quickly", () => {
  const value = {
    text: "x".repeat(1_000_000),
    list: Array.from({ length: 50_000 }, (_, n) => ({ n })),
  };
  expect(JSON.parse(encodeJson(value))).toEqual(value);
});

test("nesting is limited long before the stack overflows", () => {
  const nested = (depth: number): unknown =>
    JSON.parse("[".repeat(depth) + "]".repeat(depth)) as unknown;
  expect(encodeJson(nested(1000))).toHaveLength(2000);
  expect(() => encodeJson(nested(1001))).toThrow(/deeper than 1000 levels/);
  expect(() => encodeJson(nested(200_000))).toThrow(
    expect.objectContaining({ code: "INVALID_DATA" }),
  );
});
