import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assertExactNumbers } from "./exact-numbers.ts";

const refused = (text: string): string | undefined => {
  try {
    assertExactNumbers(text);
    return undefined;
  } catch (error) {
    expect(error).toMatchObject({ code: "INVALID_DATA" });
    return (error as Error).message;
  }
};

describe("a number that JSON.parse changes is rejected", () => {
  test.each([
    "9007199254740993",
    "-9007199254740993",
    "9007199254740993.0",
    "9.007199254740993e15",
    "9007199254740993e0",
    "12345678901234567890",
    "72057594037927936",
    "9223372036854775808",
    "1152921504606846976",
    "7.2057594037927936e16",
    "4503599627370497.5",
    "0.12345678901234567",
    "-1e-400",
    "100000000000000000000001",
    "0.1234567890123456789",
    "1.000000000000000001",
    "-3.14159265358979323846",
    "1e400",
    "-1e400",
    "1E+309",
    "1e-400",
    "3e-324",
    "1".repeat(400),
    `0.${"1".repeat(100_000)}`,
  ])("%s", (number) => {
    expect(refused(number)).toContain("which would become");
  });

  test("with its path and what to do", () => {
    const text = String.raw`{ "a": ["\"{[", 1], "data": { "it\"ems": [{}, { "id": 9007199254740993 }] } }`;
    expect(refused(text)).toBe(
      '`data.it"ems[1].id` is 9007199254740993, which would become 9007199254740992: send it as a string.',
    );
  });
});

describe("the text that a program prints for a double is accepted", () => {
  test.each([
    "0",
    "-0",
    "-0.0",
    "0.10",
    "1e21",
    "1E21",
    "1e+21",
    "1.0",
    "1.50e2",
    "100",
    "5e-324",
    "4.9e-324",
    "100000000000.000015",
    "0e99",
    "9007199254740992",
    "9007199254740994.0",
    "123456789012345680000",
    "1152921504606847000",
    "1.7976931348623157e308",
    "4.9406564584124654e-324",
    "0.1000000000000000000000",
    "10000000000000000000000",
    "0.12345678901234566",
    "1.2345678901234568e+25",
  ])("%s", (number) => {
    expect(refused(number)).toBeUndefined();
  });

  test("whatever the notation", () => {
    const double = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(double, fc.integer({ min: 0, max: 16 }), (value, digits) => {
        const prints = [
          JSON.stringify(value),
          value.toExponential(16),
          value.toExponential(),
          value.toPrecision(17),
          value.toPrecision(digits + 1),
          value.toFixed(digits % 7),
        ];
        for (const print of prints) {
          // A rounded number denotes another double, or none.
          if (Number(print) !== value) continue;
          // An integer in full has more digits than a double beyond 2^53; see the next test.
          if (Number.isInteger(value) && !Number.isSafeInteger(value)) continue;
          expect(refused(print), print).toBeUndefined();
        }
      }),
      { numRuns: 3000 },
    );
  });

  test("at any depth, among strings that look like numbers", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(4), (value, indent) => {
        expect(refused(JSON.stringify(value, undefined, indent))).toBeUndefined();
      }),
      { numRuns: 1000 },
    );
    expect(
      refused(String.raw`["9007199254740993", "\\", "a\"9007199254740993\\"]`),
    ).toBeUndefined();
  });
});

/** The integer that a number in JSON denotes, computed without doubles. */
function integerOf(json: string): bigint {
  const [mantissa = "", exponent = "0"] = json.split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  return BigInt(whole + fraction) * 10n ** BigInt(Number(exponent) - fraction.length);
}

test("an integer is accepted if and only if JSON.stringify writes the same integer", () => {
  const powers = fc
    .tuple(fc.nat(80), fc.bigInt({ min: -3n, max: 3n }))
    .map(([power, more]) => 2n ** BigInt(power) + more);
  const any = fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n });
  fc.assert(
    fc.property(fc.oneof(powers, any), (integer) => {
      const text = String(integer);
      const isSame = integerOf(JSON.stringify(Number(text))) === integer;
      for (const form of [text, `${text}.0`, `${text}e0`]) {
        expect(refused(form) === undefined, form).toBe(isSame);
      }
    }),
    { numRuns: 5000 },
  );
});

test("it is found at any place, and the error names its path", () => {
  const step = fc.oneof(fc.nat(5), fc.string({ minLength: 1, maxLength: 6 }));
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), fc.jsonValue(), (steps, other) => {
      let value: unknown = "NUMBER";
      for (const each of steps.toReversed()) {
        if (typeof each === "number") {
          const list: unknown[] = Array.from({ length: each }, () => other);
          value = [...list, value, other];
        } else {
          value = Object.fromEntries([
            ["before", other],
            [each, value],
          ]);
        }
      }
      fc.pre(!JSON.stringify(other).includes("NUMBER"));
      fc.pre(!steps.includes("before") && !steps.includes("__proto__"));
      const text = JSON.stringify(value).replace('"NUMBER"', "9007199254740993");
      const path = steps
        .map((each) => (typeof each === "number" ? `[${each}]` : `.${each}`))
        .join("");
      expect(refused(text)).toContain(`\`${path.replace(/^\./, "")}\` is 9007199254740993`);
    }),
    { numRuns: 500 },
  );
});

test("checking a large body takes no longer than parsing it, whatever it contains", () => {
  const bodies = [
    JSON.stringify(Array.from({ length: 60_000 }, (_, n) => -122.4194 + n / 7)),
    JSON.stringify(Array.from({ length: 20_000 }, (_, n) => ({ id: n, name: `"${n}\\"` }))),
    JSON.stringify("\\".repeat(500_000)),
    `[${"1.5e300,".repeat(100_000)}0]`,
    `[${"[".repeat(3000)}${"]".repeat(3000)}]`,
    `[0.${"0".repeat(500_000)}1]`,
  ];
  for (const body of bodies) {
    // The shortest of several runs: a busy machine only adds time.
    const times = Array.from({ length: 5 }, () => {
      const start = performance.now();
      try {
        assertExactNumbers(body);
      } catch {
        // Only the time matters here.
      }
      return performance.now() - start;
    });
    expect(Math.min(...times), body.slice(0, 30)).toBeLessThan(250);
  }
});
