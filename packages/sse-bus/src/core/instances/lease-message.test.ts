import fc from "fast-check";
import { expect, test } from "vitest";
import { createInstanceId } from "./instance-id.ts";
import { readEndMessage, readLeaseMessage } from "./lease-message.ts";

const id = createInstanceId();
const valid = {
  i: id,
  n: 3,
  leaseMs: 5000,
  watch: ["orders/*", "+scores/**"],
  demand: ["orders/*"],
  hold: [["scores/**", 1_700_000_000_000]],
  claim: [["__proto__", 1]],
};

test("a lease message is read as it was sent, and what it leaves out is empty", () => {
  expect(readLeaseMessage(JSON.parse(JSON.stringify(valid)))).toEqual(valid);
  expect(readLeaseMessage({ i: id, n: 1, leaseMs: 500 })).toEqual({
    i: id,
    n: 1,
    leaseMs: 500,
    watch: [],
    demand: [],
    hold: [],
    claim: [],
  });
});

test.each([
  ["no id", { i: undefined }],
  ["an id of another form", { i: "x" }],
  ["no number", { n: 0 }],
  ["a lease that never ends", { leaseMs: 1e12 }],
  ["a fraction of a lease", { leaseMs: 0.5 }],
  ["a reserved channel among the watched", { watch: ["~control"] }],
  ["text that is no topic", { demand: ["a b"] }],
  ["a list that is none", { watch: "orders/*" }],
  ["too long a list", { watch: Array.from({ length: 257 }, () => "a") }],
  ["a hold without a fence", { hold: [["a"]] }],
  ["a fence that is no number", { hold: [["a", "1"]] }],
  ["a fence that a double cannot hold", { claim: [["a", 2 ** 53]] }],
])("a lease message with %s is ignored", (_, change) => {
  expect(readLeaseMessage({ ...valid, ...change })).toBeUndefined();
});

test("whatever the log contains, reading it does not throw, and gives nothing of another form", () => {
  const part = fc.oneof(fc.anything(), fc.constantFrom(...Object.values(valid)));
  const record = fc.record(
    { i: part, n: part, leaseMs: part, watch: part, demand: part, hold: part, claim: part },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(fc.anything(), record), (data) => {
      const message = readLeaseMessage(data);
      if (message) {
        expect(message.i).toMatch(/^[0-9a-z]{16}$/);
        expect([...message.hold, ...message.claim].every(([, fence]) => fence > 0)).toBe(true);
      }
      const ended = readEndMessage(data);
      if (ended !== undefined) expect(ended).toMatch(/^[0-9a-z]{16}$/);
    }),
  );
});
