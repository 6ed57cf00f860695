import fc from "fast-check";
import { expect, test } from "vitest";
import { anyText } from "../../test/support/any-text.ts";
import {
  assertChannel,
  assertTopic,
  isPattern,
  isReserved,
  isStoredChannel,
  isTopic,
  topicCovers,
} from "./channel-name.ts";

const anySegment = fc.constantFrom("a", "b", "c", "", "a.b", "-");
const anyChannel = fc
  .array(anySegment, { minLength: 1, maxLength: 5 })
  .map((segments) => segments.join("/"))
  .filter((name) => name !== "");
const anyTopic = fc
  .tuple(
    fc.array(fc.oneof(anySegment, fc.constant("*")), { minLength: 1, maxLength: 5 }),
    fc.boolean(),
  )
  .map(([segments, isDeep]) => (isDeep ? [...segments, "**"] : segments).join("/"))
  .filter((name) => name !== "");

/** The reference: the pattern as a regular expression. */
function coversByRegExp(topic: string, channel: string): boolean {
  const source = topic
    .split("/")
    .map((segment) => {
      if (segment === "**") return ".*";
      if (segment === "*") return "[^/]*";
      return segment.replaceAll(/[.~:-]/g, String.raw`\$&`);
    })
    .join("/");
  return new RegExp(`^${source}$`).test(channel);
}

test("a topic covers exactly the channels that its regular expression matches", () => {
  fc.assert(
    fc.property(anyTopic, anyChannel, (topic, channel) => {
      expect(topicCovers(topic, channel)).toBe(coversByRegExp(topic, channel));
    }),
    { numRuns: 2000 },
  );
});

test("a topic covers a pattern if and only if it covers all its channels", () => {
  // Segments that no topic names stand for all others, so a few channels are enough.
  const segments = fc.constantFrom("a", "b", "*");
  const topic = fc
    .tuple(fc.array(segments, { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(([names, isDeep]) => (isDeep ? [...names, "**"] : names).join("/"));
  const channels = combinations(["a", "b", "z"], 5);
  fc.assert(
    fc.property(fc.oneof(topic, fc.constant("**")), topic, (wide, narrow) => {
      const within = channels.filter((channel) => topicCovers(narrow, channel));
      const isWithin = within.every((channel) => topicCovers(wide, channel));
      expect(topicCovers(wide, narrow)).toBe(isWithin);
    }),
    { numRuns: 1000 },
  );
});

/** Every channel of up to `depth` of these segments. */
function combinations(segments: readonly string[], depth: number): string[] {
  let level = [...segments];
  const all = [...level];
  for (let length = 2; length <= depth; length++) {
    level = level.flatMap((name) => segments.map((segment) => `${name}/${segment}`));
    all.push(...level);
  }
  return all;
}

test.each([
  ["orders/*", "orders/*", true],
  ["orders/*", "orders/**", false],
  ["orders/**", "orders/*", true],
  ["**", "orders/**", true],
  ["*", "**", false],
  ["orders/42", "orders/*", false],
  ["orders/*", "orders/42", true],
  ["orders/*", "orders/42/lines", false],
  ["orders/*", "orders", false],
  ["orders/*", "orders/", true],
  ["orders/**", "orders/42", true],
  ["orders/**", "orders/42/lines/1", true],
  ["orders/**", "orders", false],
  ["*", "default", true],
  ["*", "a/b", false],
  ["**", "default", true],
  ["**", "a/b/c", true],
  ["*/b/*", "a/b/c", true],
  ["a.c", "abc", false],
])("%s on %s: %s", (topic, channel, covers) => {
  expect(topicCovers(topic, channel)).toBe(covers);
});

test("is a pattern if and only if assertTopic accepts it", () => {
  for (const good of ["*", "**", "a/*", "a/**", "*/b", "*/*/**", "a//*", "orders/*/lines"]) {
    expect(() => assertTopic(good), good).not.toThrow();
    expect(isPattern(good)).toBe(true);
  }
  for (const bad of ["a*", "*a", "a/b*", "**/a", "a/**/b", "***", "a/***", "*/**/*", "", "a b/*"]) {
    expect(() => assertTopic(bad), bad).toThrow(
      expect.objectContaining({ code: "INVALID_CHANNEL" }),
    );
  }
});

test("a channel has 1 to 200 characters of the documented set, and anything else is rejected", () => {
  const allowed = /^(?!~)[A-Za-z0-9._~:/-]{1,200}$/;
  const anyName = fc.oneof(fc.string(), anyText, anyChannel);
  fc.assert(
    fc.property(anyName, (text) => {
      const check = (): void => assertChannel(text);
      if (allowed.test(text)) expect(check).not.toThrow();
      else expect(check).toThrow(expect.objectContaining({ code: "INVALID_CHANNEL" }));
    }),
  );
  expect(() => assertChannel("a".repeat(200))).not.toThrow();
  expect(() => assertChannel("a".repeat(201))).toThrow(/1 to 200/);
});

test.each(["a\nb", "a\r", "a\0", "a\n", "ä", "a b", "\u2028", "a@b"])(
  "%j, which could break a frame or an id, is rejected as a channel and as a topic",
  (name) => {
    expect(() => assertChannel(name)).toThrow(expect.objectContaining({ code: "INVALID_CHANNEL" }));
    expect(() => assertTopic(name)).toThrow(expect.objectContaining({ code: "INVALID_CHANNEL" }));
  },
);

test.each([undefined, null, 1, {}, ["a"], Symbol("a")])("%s is no channel", (name) => {
  expect(() => assertChannel(name)).toThrow(expect.objectContaining({ code: "INVALID_CHANNEL" }));
  expect(() => assertTopic(name)).toThrow(expect.objectContaining({ code: "INVALID_CHANNEL" }));
});

test.each(["~", "~a", "~control", "~presence/rooms/1", "~a/*", "~/**"])(
  "%s is reserved: it is refused with the reason, and no pattern covers it",
  (name) => {
    for (const check of [assertChannel, assertTopic] as ((name: string) => void)[]) {
      expect(() => check(name)).toThrow(/is reserved: names that begin with ~ belong to the bus/);
    }
    expect(isTopic(name)).toBe(false);
    expect(isReserved(name)).toBe(true);
    for (const pattern of ["*", "**", "*/**", "~a/*", "~/**"].filter((one) => one !== name)) {
      expect(topicCovers(pattern, name)).toBe(false);
    }
    expect(topicCovers(name, name)).toBe(!isPattern(name));
  },
);

test("a ~ elsewhere in a name is like any other character", () => {
  for (const name of ["a~", "a/~b", "users/~ada", "a~b/*"]) {
    expect(isTopic(name)).toBe(true);
    expect(isReserved(name)).toBe(false);
  }
  expect(topicCovers("a/*", "a/~b")).toBe(true);
});

test("a log contains channels of 200 characters, and reserved ones of 220", () => {
  for (const name of ["a", "a".repeat(200), "~a", `~${"a".repeat(219)}`]) {
    expect(isStoredChannel(name), name).toBe(true);
  }
  for (const name of ["", "a".repeat(201), "~", `~${"a".repeat(220)}`, "a/*", "~a/*", "~a b", 1]) {
    expect(isStoredChannel(name), String(name)).toBe(false);
  }
});

test("publishing to a pattern throws an error that says why", () => {
  expect(() => assertChannel("orders/*")).toThrow(/Patterns are for subscribing only/);
});
