import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { topicCovers } from "../core/channel-name.ts";
import { createSubjects } from "./subjects.ts";

const subjects = createSubjects("bus");

/** Few letters and short, so that segments, escapes and patterns often collide. */
const segment = fc.string({
  unit: fc.constantFrom("a", "B", "0", "d", "t", "c", "e", "-", "_", ".", "~", ":"),
  maxLength: 4,
});
const channel = fc
  .array(segment, { minLength: 1, maxLength: 4 })
  .map((segments) => segments.join("/"))
  .filter((name) => name.length > 0);
const topic = fc
  .tuple(fc.array(fc.oneof(segment, fc.constant("*")), { maxLength: 3 }), fc.boolean(), channel)
  .map(([segments, isDeep, name]) => {
    const all = isDeep ? [...segments, "**"] : segments;
    return all.length > 0 && all.join("/") !== "" ? all.join("/") : name;
  })
  .filter((name) => !/^~.*\*/.test(name));
const key = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 200 })
  .filter((text) => text.length <= 200 && text.isWellFormed());

describe("subjects", () => {
  test("channel and key are decoded from their subject, which is valid in NATS", () => {
    fc.assert(
      fc.property(channel, fc.option(key, { nil: undefined }), (name, given) => {
        const subject = subjects.of(name, given);
        const isValid = name !== "~";
        expect(subjects.parse(subject)).toEqual(
          isValid ? { channel: name, key: given } : undefined,
        );
        // No empty token, no wildcard, no blank, no dollar sign of the system's own subjects.
        expect(subject).toMatch(/^bus\.[A-Za-z0-9_=-]+(\.[A-Za-z0-9_=-]+)+$/);
      }),
    );
  });

  test("the longest channel and key stay far below the 4 KiB of a NATS command", () => {
    const subject = subjects.of("/".repeat(199) + ".", "\uffee".repeat(200));
    expect(subject.length).toBeLessThan(2000);
    expect(subjects.parse(subject)?.key).toHaveLength(200);
  });

  test("the wildcards of a topic match the channels that it covers, and no others", () => {
    fc.assert(
      fc.property(topic, channel, fc.option(key, { nil: undefined }), (wanted, name, given) => {
        const filters = subjects.filters(wanted);
        const subject = subjects.of(name, given);
        const isCovered = topicCovers(wanted, name);
        expect(matches(filters.keyless, subject)).toBe(isCovered && given === undefined);
        expect(matches(filters.keyed, subject)).toBe(isCovered && given !== undefined);
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    "bus.e",
    "bus.f.1",
    "bus.c",
    "bus.c.",
    "bus.c.a..b",
    "bus.c.a=",
    "bus.c.a=x",
    "bus.c.a=eb",
    "bus.c.a~b",
    `bus.c.${"x".repeat(201)}`,
    "bus.k.a",
    "bus.k.aGk",
    "bus.k.aGk.",
    "bus.k.aGk=.a",
    "bus.k.aGl.a.",
    "bus.x.a",
    "bus.c.=ta",
    "bus.k.aGk.=ta",
    "bus.rc.a",
    "bus.rc.=t",
    "bus.rk.aGk.a",
    `bus.rc.=t${"x".repeat(220)}`,
    "other.c.a",
    "busy.c.a",
  ])("%s is not a subject that the backend writes", (subject) => {
    expect(subjects.parse(subject)).toBeUndefined();
  });

  test("no wildcard of an application's topic matches a reserved channel", () => {
    const longest = `~${"x".repeat(219)}`;
    for (const [name, given] of [
      ["~a", undefined],
      ["~a/1", "k"],
      [longest, "k"],
    ] as const) {
      const subject = subjects.of(name, given);
      expect(subjects.parse(subject)).toEqual({ channel: name, key: given });
      for (const pattern of ["**", "*", "*/*", "*/**"]) {
        const { keyless, keyed } = subjects.filters(pattern);
        expect(matches(keyless, subject) || matches(keyed, subject)).toBe(false);
      }
      const own = subjects.filters(name);
      expect(matches(given === undefined ? own.keyless : own.keyed, subject)).toBe(true);
    }
  });

  test("every subject belongs to the stream", () => {
    const { epoch, ageMarker, of } = subjects;
    for (const subject of [epoch, ageMarker(7), of("a", undefined), of("a", "k")]) {
      expect(matches(subjects.all, subject)).toBe(true);
    }
  });
});

/** The matching of nats-server, in its simplest form. */
function matches(filter: string, subject: string): boolean {
  const tokens = subject.split(".");
  const wanted = filter.split(".");
  for (const [index, token] of wanted.entries()) {
    if (token === ">") return tokens.length > index;
    if (index >= tokens.length || (token !== "*" && token !== tokens[index])) return false;
  }
  return tokens.length === wanted.length;
}
