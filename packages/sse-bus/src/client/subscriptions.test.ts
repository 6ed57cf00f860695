import { describe, expect, test } from "vitest";

import { canStart, hasReached, olderCursor } from "./cursor.ts";
import { type Interest, interestOf, joinInterests } from "./interest.ts";
import type { FrameMessage, HelloMessage } from "./protocol.ts";
import { attach, type ClientSubscription, deliver } from "./subscriptions.ts";
import { matcherOf } from "./topic.ts";

const at = (seq: number, epoch = "e1"): string => `${seq.toString(36)}-1-${epoch}`;

describe("a stream serves a subscription", () => {
  test("from a cursor only if it starts no later", () => {
    const late = make("a", at(5));
    const fit = make("a", at(9));
    attachTo([late, fit], hello(["a"], { from: at(7) }));
    expect([late.state, fit.state]).toEqual(["new", "served"]);
    expect([late.cursor, fit.cursor]).toEqual([at(5), at(9)]);
  });

  test("without a cursor from its head, whatever the stream replays", () => {
    const one = make("a", "");
    attachTo([one], hello(["a"], { from: at(3), head: at(8) }));
    deliverTo([one], message(5));
    deliverTo([one], message(9));
    expect(one.heard).toEqual([9]);
  });

  test("from `latest` only if the stream starts there", () => {
    const one = make("a", "latest");
    attachTo([one], hello(["a"], { from: at(3) }));
    expect(one.state).toBe("new");
    attachTo([one], hello(["a"], { from: "latest", cursor: at(1), head: at(8) }));
    expect([one.state, one.cursor]).toEqual(["served", at(1)]);
  });

  test("of another epoch with a gap, as it is unknown what is missing", () => {
    const one = make("a", at(50, "e0"));
    attachTo([one], hello(["a"], { from: at(3) }));
    expect(one.gaps).toEqual(["restarted"]);
    deliverTo([one], message(4));
    expect(one.heard).toEqual([4]);
  });

  test("no longer, once a later stream has dropped its channel", () => {
    const one = make("a", at(3));
    attachTo([one], hello(["a", "b"], { from: at(3) }));
    attachTo([one], hello(["b"], { from: at(4) }));
    deliverTo([one], message(5));
    expect(one.state).toBe("lost");
    expect(one.heard).toEqual([]);
    expect(wanted([one])).toEqual({ a: at(3) });
  });
});

describe("a frame", () => {
  test("moves the cursors of subscriptions that do not get it, too, so that a quiet one stays fresh", () => {
    const quiet = make("quiet", at(3));
    attachTo([quiet], hello(["quiet", "a"], { from: at(3) }));
    deliverTo([quiet], message(7));
    expect(quiet.cursor).toBe(at(7));
  });

  test("moves no cursor before its listener has run", () => {
    const one = make("a", at(3));
    one.onHeard = () => expect(one.cursor).toBe(at(3));
    attachTo([one], hello(["a"], { from: at(3) }));
    deliverTo([one], message(4));
    expect(one.heard).toEqual([4]);
    expect(one.cursor).toBe(at(4));
  });

  test("moves no cursor back", () => {
    const ahead = make("a", at(9));
    attachTo([ahead], hello(["a"], { from: at(3) }));
    deliverTo([ahead], message(5));
    deliverTo([ahead], frame({ cursor: at(6), channel: "default", event: "ping", data: "{}" }));
    deliverTo(
      [ahead],
      frame({ cursor: at(7), channel: "default", event: "gap", data: gap("evicted") }),
    );
    expect(ahead.cursor).toBe(at(9));
    expect(ahead.heard).toEqual([]);
  });

  test("with a gap reaches subscriptions ahead of it, as messages after their cursors may be missing", () => {
    const ahead = make("a", at(9));
    const other = make("b", at(9));
    attachTo([ahead, other], hello(["a", "b"], { from: at(3) }));
    deliverTo(
      [ahead, other],
      frame({ cursor: at(3), channel: "default", event: "gap", data: gap("evicted") }),
    );
    expect([ahead.gaps, other.gaps]).toEqual([["evicted"], []]);
  });

  test("with a gap of a log behind the cursors moves them back to it", () => {
    const one = make("a", at(90));
    attachTo([one], hello(["a"], { from: at(90) }));
    deliverTo(
      [one],
      frame({ cursor: at(4), channel: "default", event: "gap", data: gap("ahead") }),
    );
    deliverTo([one], message(5));
    expect([one.gaps, one.heard]).toEqual([["ahead"], [5]]);
  });

  test("with a ping reaches subscriptions to pings, even if no cursor moves", () => {
    const asked = make("a", at(3), "ping");
    const all = make("**", at(3));
    attachTo([asked, all], hello(["a", "**"], { from: at(3) }));
    deliverTo(
      [asked, all],
      frame({ cursor: at(3), channel: "default", event: "ping", data: '{"time":1}' }),
    );
    expect([asked.heard, all.heard]).toEqual([[{ time: 1 }], []]);
  });
});

test("a stream from a cursor of another epoch does not move a subscription of the log's own epoch", () => {
  const one = make("a", at(5));
  attachTo([one], hello(["a"], { from: "0-0-0", cursor: "0-0-0", head: at(6) }));
  expect(one.cursor).toBe(at(5));
  deliverTo([one], frame({ cursor: at(4), channel: "a", event: "message", data: "4" }));
  deliverTo([one], frame({ cursor: at(6), channel: "a", event: "message", data: "6" }));
  expect(one.heard).toEqual([6]);
});

describe("streams side by side", () => {
  test("move only the subscriptions that they serve", () => {
    const [one, other] = [make("a", at(3)), make("**", at(3))];
    attachTo([one, other], hello(["a"], { from: at(3) }), 0);
    attachTo([one, other], hello(["**"], { from: at(3) }), 1);
    deliverTo([one, other], message(7), 1);
    expect([one.cursor, other.cursor]).toEqual([at(3), at(7)]);
    deliverTo([one, other], message(5), 0);
    deliverTo([one, other], message(7), 0);
    expect([one.heard, other.heard]).toEqual([[5, 7], [7]]);
    deliverTo(
      [one, other],
      frame({ cursor: at(9), channel: "default", event: "gap", data: gap("evicted") }),
      0,
    );
    expect([one.gaps, other.gaps]).toEqual([["evicted"], []]);
  });

  test("take over a subscription only when no other stream serves it", () => {
    const one = make("a", at(3));
    attachTo([one], hello(["a"], { from: at(3) }), 1);
    attachTo([one], hello(["a", "b"], { from: at(3) }), 0);
    attachTo([one], hello(["b"], { from: at(3) }), 0);
    expect([one.state, one.lane]).toEqual(["served", 1]);
    attachTo([one], hello([], { from: at(3) }), 1);
    attachTo([one], hello(["a"], { from: at(3) }), 0);
    expect([one.state, one.lane]).toEqual(["served", 0]);
  });
});

describe("interest", () => {
  test("names each channel once, with the oldest of its cursors that is not served", () => {
    const served = make("a", at(1));
    served.state = "served";
    const refused = make("no", at(0));
    refused.state = "refused";
    const all = [served, make("a", at(7)), make("a", at(6)), make("b", at(5)), make("c", "")];
    expect(wanted([...all, refused], ["d"])).toEqual({ d: null, a: at(6), b: at(5), c: "" });
    expect(wanted([served])).toEqual({ a: null });
    expect(wanted([served, make("c", "")])).toEqual({ a: null, c: "" });
  });

  test("of several tabs is joined: sorted, from the oldest cursor, never later than the stream's", () => {
    const interest = (entries: Record<string, string | null>): Interest => ({
      channels: new Map(Object.entries(entries)),
      wasOpen: false,
    });
    const join = (cursor: string, ...all: Record<string, string | null>[]) =>
      joinInterests(all.map(interest), cursor);
    expect(join(at(7), { b: null }, { a: null, b: at(5) })).toEqual({
      channels: ["a", "b"],
      from: at(5),
      isServed: false,
    });
    expect(join(at(7), { b: at(9) })).toEqual({ channels: ["b"], from: at(7), isServed: false });
    expect(join(at(7), { b: null })).toEqual({ channels: ["b"], from: at(7), isServed: true });
    expect(join("", { b: "" })).toEqual({ channels: ["b"], from: "", isServed: false });
  });
});

describe("cursors", () => {
  test("are ordered within an epoch, and not across", () => {
    expect(hasReached(at(35), at(36))).toBe(false);
    expect(hasReached(at(36), at(35))).toBe(true);
    expect(hasReached(at(36), at(36))).toBe(true);
    expect(hasReached(at(2), at(1, "e2"))).toBe(false);
    expect(hasReached("", at(2))).toBe(false);
    expect(hasReached(at(2), "")).toBe(false);
  });

  test("of two epochs are joined to that of the newer one, because resuming from the other would repeat messages", () => {
    expect(olderCursor("9-1-e1", "3-2-e2")).toBe("3-2-e2");
    expect(olderCursor("3-2-e2", "9-1-e1")).toBe("3-2-e2");
    expect(olderCursor("", at(4))).toBe(at(4));
  });

  test("cannot be served by a stream without a cursor", () => {
    expect(canStart(at(4), "")).toBe(false);
    expect(canStart("", "")).toBe(true);
    expect(canStart("latest", "latest")).toBe(true);
  });
});

interface Heard extends ClientSubscription {
  readonly heard: unknown[];
  readonly gaps: string[];
  onHeard?: () => void;
}

function make(channel: string, cursor: string, event?: string): Heard {
  const one: Heard = {
    channel,
    covers: matcherOf(channel),
    event,
    cursor,
    state: "new",
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

function attachTo(all: Heard[], message: HelloMessage, lane = 0): void {
  attach(all, lane, message, (listener) => listener?.());
}

function wanted(all: Heard[], channels: string[] = []): Record<string, string | null> {
  return Object.fromEntries(interestOf(all, channels));
}

function deliverTo(all: Heard[], message: FrameMessage, lane = 0): void {
  deliver(new Set(all), lane, message, {
    call: (listener) => listener?.(),
    report({ code, message: why }) {
      throw new Error(`${code} ${why}`);
    },
  });
}

/** A stream that serves these channels. It starts, and the log ends, at `from` by default. */
function hello(
  channels: string[],
  { from, cursor = from, head = from }: { from: string; cursor?: string; head?: string },
): HelloMessage {
  return { type: "hello", channels, from, cursor, head, silenceMs: 1 };
}

function frame(fields: Omit<FrameMessage, "type">): FrameMessage {
  return { type: "frame", ...fields };
}

/** A message on `a` whose data is its place. */
function message(seq: number): FrameMessage {
  return frame({ cursor: at(seq), channel: "a", event: "message", data: String(seq) });
}

function gap(reason: string): string {
  return JSON.stringify({ channels: ["a"], reason });
}
