import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { advance, waitOf } from "./known-network.ts";
import { type Ladder, type LadderEvent, step } from "./ladder.ts";
import type { ClientSettings } from "./settings.ts";

// The table of SPEC.md, "The ladder".

const UNKNOWN: Ladder = { cuts: 0, lifeMs: 0 };
const ONE_CUT: Ladder = { cuts: 1, lifeMs: 5_000 };
const TWO_CUTS: Ladder = { cuts: 2, lifeMs: 5_000 };
const BUFFERED: Ladder = { cuts: 3, lifeMs: 0 };
const CUT: Ladder = { cuts: 3, lifeMs: 5_000 };

type Event = LadderEvent | "cut later" | "cut after a minute" | "cut at once";
const EVENTS: Record<Event, [LadderEvent, number?]> = {
  silent: ["silent"],
  hello: ["hello"],
  end: ["end"],
  "cut at once": ["cut", 0],
  cut: ["cut", 4_700],
  "cut later": ["cut", 9_000],
  "cut after a minute": ["cut", 60_001],
};

const table: [string, Ladder, Record<Event, Ladder>][] = [
  [
    "unknown",
    UNKNOWN,
    {
      silent: BUFFERED,
      hello: UNKNOWN,
      end: UNKNOWN,
      "cut at once": { cuts: 1, lifeMs: 0 },
      cut: { cuts: 1, lifeMs: 4_700 },
      "cut later": { cuts: 1, lifeMs: 9_000 },
      "cut after a minute": UNKNOWN,
    },
  ],
  [
    "one cut",
    ONE_CUT,
    {
      silent: BUFFERED,
      hello: ONE_CUT,
      end: UNKNOWN,
      "cut at once": { cuts: 1, lifeMs: 0 },
      cut: { cuts: 2, lifeMs: 4_700 },
      "cut later": { cuts: 1, lifeMs: 9_000 },
      "cut after a minute": UNKNOWN,
    },
  ],
  [
    "two cuts, or a probe where streams are cut",
    TWO_CUTS,
    {
      silent: BUFFERED,
      hello: TWO_CUTS,
      end: UNKNOWN,
      "cut at once": { cuts: 1, lifeMs: 0 },
      cut: { cuts: 3, lifeMs: 4_700 },
      "cut later": { cuts: 1, lifeMs: 9_000 },
      "cut after a minute": UNKNOWN,
    },
  ],
  [
    "polls, because streams are held back",
    BUFFERED,
    {
      silent: BUFFERED,
      hello: UNKNOWN,
      end: BUFFERED,
      "cut at once": BUFFERED,
      cut: { cuts: 3, lifeMs: 4_700 },
      "cut later": { cuts: 3, lifeMs: 9_000 },
      "cut after a minute": { cuts: 3, lifeMs: 60_001 },
    },
  ],
  [
    "polls, because streams are cut",
    CUT,
    {
      silent: CUT,
      hello: TWO_CUTS,
      end: CUT,
      "cut at once": CUT,
      cut: { cuts: 3, lifeMs: 4_700 },
      "cut later": CUT,
      "cut after a minute": CUT,
    },
  ],
];

describe.each(table)("%s", (_, ladder, row) => {
  test.each(Object.entries(row))("after `%s` is what the table says", (event, after) => {
    expect(step(ladder, ...EVENTS[event as Event])).toEqual(after);
  });
});

test("only silence, or three cuts in a row with about the same life, make the client poll", () => {
  const anyEvent = fc.constantFrom<LadderEvent>("silent", "hello", "cut", "end");
  fc.assert(
    fc.property(fc.array(fc.tuple(anyEvent, fc.nat({ max: 90_000 }))), (events) => {
      let ladder = UNKNOWN;
      for (const [index, [event, ms]] of events.entries()) {
        const after = step(ladder, event, ms);
        if (after.cuts === 3 && ladder.cuts < 3 && event !== "silent") {
          expect(event).toBe("cut");
          // Two cuts before it, or polls until a probe's `hello`.
          expect(ladder.cuts).toBe(2);
          expect(Math.abs(ms - ladder.lifeMs)).toBeLessThan(500 + ladder.lifeMs / 5);
        }
        if (event === "hello") expect(after.cuts).toBeLessThan(3);
        expect(index).toBeLessThan(events.length);
        ladder = after;
      }
    }),
  );
});

test.each([
  [0, 25],
  [300, 1],
  [5_000, 4],
  [30_000, 24],
  [60_000, 25],
])("where streams live %i ms, polls wait %i s", (lifeMs, waitS) => {
  expect(waitOf({ url: "http://a/", ladder: { cuts: 3, lifeMs } })).toBe(waitS);
});

describe("what was learned", () => {
  const location = { href: "http://a/", origin: "http://a" };

  test("counts for the next page of the tab, and holds no more than two numbers", () => {
    const items = new Map<string, string>();
    const page = (): ClientSettings => ({
      url: "http://a/api/sse?user=ann",
      host: { location, sessionStorage: storageOf(items) },
    });
    expect(waitOf(page())).toBe(0);
    advance(page(), "silent");
    expect([...items]).toEqual([["sse-bus http://a", "3 0"]]);
    expect(waitOf(page())).toBe(25);
    advance(page(), "hello");
    expect(waitOf(page())).toBe(0);
  });

  test.each(["", "x", "4 0", "3 999999", "3 -1", "3 1e9", "null"])(
    "is ignored if it is %j",
    (text) => {
      const items = new Map([["sse-bus http://a", text]]);
      const host = { location, sessionStorage: storageOf(items) };
      expect(waitOf({ url: "http://a/", host })).toBe(0);
    },
  );

  test("is kept by the client alone where there is no page, or where storage is forbidden", () => {
    const items = new Map<string, string>();
    const server = { url: "http://a/", host: { sessionStorage: storageOf(items) } };
    advance(server, "silent");
    expect(waitOf(server)).toBe(25);
    expect([...items]).toEqual([]);
    const own = { url: "http://a/", fetch, host: { location, sessionStorage: storageOf(items) } };
    advance(own, "silent");
    expect([waitOf(own), ...items]).toEqual([25]);
    const forbidden = {
      url: "http://a/",
      host: {
        location,
        get sessionStorage(): never {
          throw new DOMException("no", "SecurityError");
        },
      },
    };
    expect(waitOf(forbidden)).toBe(0);
    advance(forbidden, "silent");
    expect(waitOf(forbidden)).toBe(25);
  });
});

function storageOf(items: Map<string, string>): Pick<Storage, "getItem" | "setItem"> {
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
  };
}
