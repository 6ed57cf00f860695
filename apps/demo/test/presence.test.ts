import { describe, expect, it } from "vitest";

import {
  addHeartbeat,
  type Presence,
  presentAt,
  type ReceivedHeartbeat,
} from "../features/notifications/presence.ts";

const ada: ReceivedHeartbeat = {
  window: "a1",
  turn: 0,
  person: "a",
  name: "Ada",
  status: "here",
  time: 1_000,
};
const fold = (...heartbeats: ReceivedHeartbeat[]): Presence => heartbeats.reduce(addHeartbeat, {});
const shown = (presence: Presence, now: number) =>
  presentAt(presence, now).map(({ name, status }) => `${name} ${status}`);

describe("presence", () => {
  it("removes a person without a recent heartbeat, by the server's clock", () => {
    const presence = fold(ada);
    expect(shown(presence, 25_999)).toEqual(["Ada here"]);
    expect(shown(presence, 26_000)).toEqual([]);
    // Browsers hold back the timers of hidden pages, up to a minute.
    expect(shown(fold({ ...ada, status: "away" }), 120_000)).toEqual(["Ada away"]);
  });

  it("typing ends by itself", () => {
    const presence = fold({ ...ada, status: "typing" });
    expect(shown(presence, 4_999)).toEqual(["Ada typing"]);
    expect(shown(presence, 5_000)).toEqual(["Ada here"]);
  });

  it("shows the most active of a person's windows, until the last one is closed", () => {
    const beside: ReceivedHeartbeat = { ...ada, window: "a2", status: "away", time: 2_000 };
    expect(shown(fold(ada, beside), 3_000)).toEqual(["Ada here"]);
    const left: ReceivedHeartbeat = { ...ada, turn: 1, status: "left", time: 2_500 };
    expect(shown(fold(ada, beside, left), 3_000)).toEqual(["Ada away"]);
    expect(shown(fold(ada, left), 3_000)).toEqual([]);
  });

  it("keeps a `left` that arrived before an older heartbeat", () => {
    const left: ReceivedHeartbeat = { ...ada, turn: 2, status: "left", time: 2_000 };
    const late: ReceivedHeartbeat = { ...ada, turn: 1, status: "away", time: 2_001 };
    expect(shown(fold(ada, left, late), 3_000)).toEqual([]);
  });

  it("does not grow with people who have left", () => {
    const heartbeats = Array.from({ length: 1_000 }, (_, index): ReceivedHeartbeat => ({
      ...ada,
      window: `w${index}`,
      time: index * 1_000,
    }));
    expect(Object.keys(fold(...heartbeats)).length).toBeLessThanOrEqual(26);
  });
});
