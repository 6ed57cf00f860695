import fc from "fast-check";
import { expect, test } from "vitest";
import { splitArray, splitLines } from "./split-batch.ts";

test("an array's elements are its values, whatever they are and however it is written", () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { maxLength: 20 }), fc.nat({ max: 3 }), (all, space) => {
      const text = JSON.stringify(all, null, space);
      expect(splitArray(` ${text}\n`).map((each) => JSON.parse(each))).toEqual(JSON.parse(text));
    }),
  );
});

test("text that is not JSON is accepted as an array only where JSON.parse accepts it", () => {
  const anyText = fc
    .array(
      fc.constantFrom("[", "]", "{", "}", ",", '"', "\\", ":", "1", "a", " ", "\u00a0", '"a":'),
    )
    .map((parts) => `[${parts.join("")}`);
  fc.assert(
    fc.property(anyText, (text) => {
      const whole = attempt(() => JSON.parse(text));
      const parts = attempt(() => splitArray(text).map((each) => JSON.parse(each)));
      expect(parts).toEqual(whole);
    }),
    { numRuns: 2000 },
  );
});

test("lines are texts of their own, and empty ones do not count", () => {
  expect(splitLines('{"a":"\\n"}\r\n\n  \n[1]\n{')).toEqual(['{"a":"\\n"}\r', "[1]", "{"]);
  expect(splitLines("")).toEqual([]);
});

test("more than 1,000 messages are refused", () => {
  const all = Array.from({ length: 1001 }, () => "1");
  const tooLarge = expect.objectContaining({
    problem: expect.objectContaining({ status: 413, code: "BATCH_TOO_LARGE" }),
    limit: "maxBatchMessages",
  });
  expect(() => splitArray(`[${all.join(",")}]`)).toThrow(tooLarge);
  expect(() => splitLines(all.join("\n"))).toThrow(tooLarge);
  expect(splitArray(`[${all.slice(1).join(",")}]`)).toHaveLength(1000);
  expect(splitLines(all.slice(1).join("\n"))).toHaveLength(1000);
});

function attempt(run: () => unknown): unknown {
  try {
    return run();
  } catch {
    return "not JSON";
  }
}
