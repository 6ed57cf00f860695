import { describe, expect, test } from "vitest";

import { compareCursors, olderCursor } from "./cursor.ts";
import { attaches, type BlockMessage, type HelloMessage } from "./protocol.ts";
import { attach, deliver, type Subscription } from "./subscriptions.ts";
import { matcherOf } from "./topic.ts";
import { joinWishes, type Wish, wishOf } from "./wish.ts";

const at = (seq: number, epoch = "e1"): string => `${seq.toString(36)}-1-${epoch}`;

describe("a link serves a subscription", () => {
  test("from a cursor only if it starts no later", () => {
    const late = make("a", at(5));
    const fit = make("a", at(9));
    attachTo([late, fit], ["hello", ["a"], at(7), at(7), at(7), 1]);
    expect([late.live, fit.live]).toEqual([undefined, true]);
    expect([late.cursor, fit.cursor]).toEqual([at(5), at(9)]);
  });

  test("from now on from its head, whatever the link replays", () => {
    const one = make("a", "");
    attachTo([one], ["hello", ["a"], at(3), at(3), at(8), 1]);
    deliverTo([one], block(5));
    deliverTo([one], block(9));
    expect(one.heard).toEqual([9]);
  });

  test("from `latest` only if the link starts there", () => {
    const one = make("a", "latest");
    attachTo([one], ["hello", ["a"], at(3), at(3), at(3), 1]);
    expect(one.live).toBeUndefined();
    attachTo([one], ["hello", ["a"], "latest", at(1), at(8), 1]);
    expect([one.live, one.cursor]).toEqual([true, at(1)]);
  });

  test("of another epoch with a gap, as nobody can tell what is missing", () => {
    const one = make("a", at(50, "e0"));
    attachTo([one], ["hello", ["a"], at(3), at(3), at(3), 1]);
    expect(one.gaps).toEqual(["restarted"]);
    deliverTo([one], block(4));
    expect(one.heard).toEqual([4]);
  });

  test("no longer, once a later link has dropped its channel", () => {
    const one = make("a", at(3));
    attachTo([one], ["hello", ["a", "b"], at(3), at(3), at(3), 1]);
    attachTo([one], ["hello", ["b"], at(4), at(4), at(4), 1]);
    deliverTo([one], block(5));
    expect(one.live).toBe(false);
    expect(one.heard).toEqual([]);
    expect(wanted([one])).toEqual({ a: at(3) });
  });
});

describe("a block", () => {
  test("moves the cursors of those it does not concern, too, so that a quiet one stays fresh", () => {
    const quiet = make("quiet", at(3));
    attachTo([quiet], ["hello", ["quiet", "a"], at(3), at(3), at(3), 1]);
    deliverTo([quiet], block(7));
    expect(quiet.cursor).toBe(at(7));
  });

  test("moves no cursor before its listener ran", () => {
    const one = make("a", at(3));
    one.onHeard = () => expect(one.cursor).toBe(at(3));
    attachTo([one], ["hello", ["a"], at(3), at(3), at(3), 1]);
    deliverTo([one], block(4));
    expect(one.heard).toEqual([4]);
    expect(one.cursor).toBe(at(4));
  });

  test("moves no cursor back", () => {
    const ahead = make("a", at(9));
    attachTo([ahead], ["hello", ["a"], at(3), at(3), at(3), 1]);
    deliverTo([ahead], block(5));
    deliverTo([ahead], ["block", at(6), "default", "ping", "{}"]);
    deliverTo([ahead], ["block", at(7), "default", "gap", gap("evicted")]);
    expect(ahead.cursor).toBe(at(9));
    expect(ahead.heard).toEqual([]);
  });

  test("that tells a gap reaches those ahead of it, as messages after them may be missing", () => {
    const ahead = make("a", at(9));
    const other = make("b", at(9));
    attachTo([ahead, other], ["hello", ["a", "b"], at(3), at(3), at(3), 1]);
    deliverTo([ahead, other], ["block", at(3), "default", "gap", gap("evicted")]);
    expect([ahead.gaps, other.gaps]).toEqual([["evicted"], []]);
  });

  test("that tells a log fallen behind the cursors takes them back to it", () => {
    const one = make("a", at(90));
    attachTo([one], ["hello", ["a"], at(90), at(90), at(90), 1]);
    deliverTo([one], ["block", at(4), "default", "gap", gap("ahead")]);
    deliverTo([one], block(5));
    expect([one.gaps, one.heard]).toEqual([["ahead"], [5]]);
  });

  test("that is a ping is heard by those who ask for pings, even where nothing has moved", () => {
    const asked = make("a", at(3), "ping");
    const all = make("**", at(3));
    attachTo([asked, all], ["hello", ["a", "**"], at(3), at(3), at(3), 1]);
    deliverTo([asked, all], ["block", at(3), "default", "ping", '{"time":1}']);
    expect([asked.heard, all.heard]).toEqual([[{ time: 1 }], []]);
  });
});

test("a link from a cursor of another epoch leaves a subscription of the log's own where it is", () => {
  const one = make("a", at(5));
  attachTo([one], ["hello", ["a"], "0-0-0", "0-0-0", at(6), 1]);
  expect(one.cursor).toBe(at(5));
  deliverTo([one], ["block", at(4), "a", "message", "4"]);
  deliverTo([one], ["block", at(6), "a", "message", "6"]);
  expect(one.heard).toEqual([6]);
});

describe("streams side by side", () => {
  test("move only what they serve, each its own", () => {
    const [one, other] = [make("a", at(3)), make("**", at(3))];
    attachTo([one, other], ["hello", ["a"], at(3), at(3), at(3), 1], 0);
    attachTo([one, other], ["hello", ["**"], at(3), at(3), at(3), 1], 1);
    deliverTo([one, other], block(7), 1);
    expect([one.cursor, other.cursor]).toEqual([at(3), at(7)]);
    deliverTo([one, other], block(5), 0);
    deliverTo([one, other], block(7), 0);
    expect([one.heard, other.heard]).toEqual([[5, 7], [7]]);
    deliverTo([one, other], ["block", at(9), "default", "gap", gap("evicted")], 0);
    expect([one.gaps, other.gaps]).toEqual([["evicted"], []]);
  });

  test("do not take from each other what is served, only what is not", () => {
    const one = make("a", at(3));
    attachTo([one], ["hello", ["a"], at(3), at(3), at(3), 1], 1);
    attachTo([one], ["hello", ["a", "b"], at(3), at(3), at(3), 1], 0);
    attachTo([one], ["hello", ["b"], at(3), at(3), at(3), 1], 0);
    expect([one.live, one.lane]).toEqual([true, 1]);
    attachTo([one], ["hello", [], at(3), at(3), at(3), 1], 1);
    attachTo([one], ["hello", ["a"], at(3), at(3), at(3), 1], 0);
    expect([one.live, one.lane]).toEqual([true, 0]);
  });
});

describe("wishes", () => {
  test("name each channel once, with the oldest cursor of it that is not served", () => {
    const served = make("a", at(1));
    served.live = true;
    const refused = make("no", at(0));
    refused.error = new Error("403") as never;
    const all = [served, make("a", at(7)), make("a", at(6)), make("b", at(5)), make("c", "")];
    expect(wanted([...all, refused], ["d"])).toEqual({ d: null, a: at(6), b: at(5), c: "" });
    expect(wanted([served])).toEqual({ a: null });
    expect(wanted([served, make("c", "")])).toEqual({ a: null, c: "" });
  });

  test("of several tabs are one: sorted, from the oldest cursor, never later than the link", () => {
    const wish = (entries: Record<string, string | null>): Wish => [
      new Map(Object.entries(entries)),
      true,
    ];
    expect(joinWishes([wish({ b: null }), wish({ a: null, b: at(5) })], at(7))).toEqual([
      ["a", "b"],
      at(5),
      false,
    ]);
    expect(joinWishes([wish({ b: at(9) })], at(7))).toEqual([["b"], at(7), false]);
    expect(joinWishes([wish({ b: null })], at(7))).toEqual([["b"], at(7), true]);
    expect(joinWishes([wish({ b: "" })], "")).toEqual([["b"], "", false]);
  });
});

describe("cursors", () => {
  test("are ordered within an epoch, and not across", () => {
    expect(compareCursors(at(35), at(36))).toBeLessThan(0);
    expect(compareCursors(at(36), at(36))).toBe(0);
    expect(compareCursors(at(1), at(2, "e2"))).toBeNaN();
    expect(compareCursors("", at(2))).toBeNaN();
  });

  test("of two epochs, the newer epoch's serves: resuming the other would repeat what it has", () => {
    expect(olderCursor("9-1-e1", "3-2-e2")).toBe("3-2-e2");
    expect(olderCursor("3-2-e2", "9-1-e1")).toBe("3-2-e2");
    expect(olderCursor("", at(4))).toBe(at(4));
  });

  test("are not served by a link that starts from now on", () => {
    expect(attaches(at(4), "")).toBe(false);
    expect(attaches("", "")).toBe(true);
    expect(attaches("latest", "latest")).toBe(true);
  });
});

interface Heard extends Subscription {
  readonly heard: unknown[];
  readonly gaps: string[];
  onHeard?: () => void;
}

function make(key: string, cursor: string, event?: string): Heard {
  const one: Heard = {
    key,
    covers: matcherOf(key),
    event,
    cursor,
    heard: [],
    gaps: [],
    onMessage(data) {
      one.onHeard?.();
      one.heard.push(data);
    },
    onGap: ({ reason }) => one.gaps.push(reason),
    onChange() {},
  };
  return one;
}

function attachTo(all: Heard[], hello: HelloMessage, lane = 0): void {
  attach(all, lane, hello, (listener) => listener?.());
}

function wanted(all: Heard[], channels: string[] = []): Record<string, string | null> {
  return Object.fromEntries(wishOf(all, channels)[0]);
}

function deliverTo(all: Heard[], message: BlockMessage, lane = 0): void {
  deliver(
    new Set(all),
    lane,
    message,
    (listener) => listener?.(),
    (code, why) => {
      throw new Error(`${code} ${why}`);
    },
  );
}

/** A message on `a` whose data is its place. */
function block(seq: number): BlockMessage {
  return ["block", at(seq), "a", "message", String(seq)];
}

function gap(reason: string): string {
  return JSON.stringify({ channels: ["a"], reason });
}
