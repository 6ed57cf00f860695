import { expect, test } from "vitest";
import { nodeVersions } from "../support/runtimes.ts";
import {
  bundlers,
  type Combination,
  combinations,
  majorOf,
  nameOf,
  nextReleases,
  reacts,
  servers,
  typescripts,
} from "./combinations.ts";

const has = (wanted: Partial<Combination> & { readonly major?: string }): boolean =>
  combinations.some((each) =>
    Object.entries(wanted).every(
      ([key, value]) =>
        (key === "major" ? majorOf(each.next) : each[key as keyof Combination]) === value,
    ),
  );

/** Every pair of two lists of values that no combination has. */
function missing<A extends object, B extends object>(first: readonly A[], second: readonly B[]) {
  const pairs = first.flatMap((a) => second.map((b) => ({ ...a, ...b })));
  return pairs.filter((pair) => !has(pair));
}

const next = nextReleases.map((release) => ({ next: release }));
const majors = ["15", "16"].map((major) => ({ major }));
const bundler = bundlers.map((name) => ({ bundler: name }));
const server = servers.map((name) => ({ server: name }));
const node = nodeVersions.map((version) => ({ node: version }));
const react = reacts.map((version) => ({ react: version }));
const typescript = typescripts.map((version) => ({ typescript: version }));
const basePath = [{ basePath: "/shop" as const }];
const cacheComponents = [{ cacheComponents: true as const }];
const srcDir = [{ srcDir: true as const }];

test("every value of every option has a combination", () => {
  const everything = [...next, ...bundler, ...server, ...node, ...react, ...typescript];
  const options = [...basePath, ...cacheComponents, ...srcDir];
  expect([...everything, ...options].filter((value) => !has(value))).toEqual([]);
});

test("every pair that is a risk has a combination", () => {
  expect(missing(next, bundler)).toEqual([]);
  expect(missing(majors, server)).toEqual([]);
  expect(missing(majors, node)).toEqual([]);
  expect(missing(majors, react)).toEqual([]);
  expect(missing(bundler, server)).toEqual([]);
  expect(missing(basePath, [...majors, ...bundler, ...server.slice(1)])).toEqual([]);
  expect(missing(cacheComponents, [...bundler, ...server.slice(0, 3), ...basePath])).toEqual([]);
  expect(missing(srcDir, [...majors, ...bundler])).toEqual([]);
  expect(missing([{ typescript: "none" }], [...majors])).toEqual([]);
});

test("each combination is there once", () => {
  expect(new Set(combinations.map(nameOf)).size).toBe(combinations.length);
});
