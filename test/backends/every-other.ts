import { test } from "vitest";

/**
 * Registers every second test of the conformance suite: for a second client of a backend whose first one
 * runs all of them. What differs is a small adapter. A long run has every test on every client.
 */
export function everyOther(): (name: string, run: () => Promise<void>) => unknown {
  if (process.env["SSE_BUS_LONG_TESTS"] !== undefined) return test;
  let count = 0;
  return (name, run) => {
    if (count++ % 2 === 0) test(name, run);
  };
}
