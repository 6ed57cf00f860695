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
  it("forgets who gave no heartbeat for a while, by the server's clock", () => {
    const presence = fold(ada);
    expect(shown(presence, 25_999)).toEqual(["Ada here"]);
    expect(shown(presence, 26_000)).toEqual([]);
    // Browsers hold back the timers of hidden pages, up to a minute.
    expect(shown(fold({ ...ada, status: "away" }), 120_000)).toEqual(["Ada away"]);
  });

  it("ends typing by itself", () => {
    const presence = fold({ ...ada, status: "typing" });
    expect(shown(presence, 4_999)).toEqual(["Ada typing"]);
    expect(shown(presence, 5_000)).toEqual(["Ada here"]);
  });

  it("counts a person's windows as one, the most lively of them, until the last is left", () => {
    const beside: ReceivedHeartbeat = { ...ada, window: "a2", status: "away", time: 2_000 };
    expect(shown(fold(ada, beside), 3_000)).toEqual(["Ada here"]);
    const left: ReceivedHeartbeat = { ...ada, turn: 1, status: "left", time: 2_500 };
    expect(shown(fold(ada, beside, left), 3_000)).toEqual(["Ada away"]);
    expect(shown(fold(ada, left), 3_000)).toEqual([]);
  });

  it("keeps a goodbye that overtook the heartbeat before it", () => {
    const left: ReceivedHeartbeat = { ...ada, turn: 2, status: "left", time: 2_000 };
    const late: ReceivedHeartbeat = { ...ada, turn: 1, status: "away", time: 2_001 };
    expect(shown(fold(ada, left, late), 3_000)).toEqual([]);
  });

  it("does not grow with those who have gone", () => {
    const heartbeats = Array.from({ length: 1_000 }, (_, index): ReceivedHeartbeat => ({
      ...ada,
      window: `w${index}`,
      time: index * 1_000,
    }));
    expect(Object.keys(fold(...heartbeats)).length).toBeLessThanOrEqual(26);
  });
});
