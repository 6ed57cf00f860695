import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { transition, type SseClientEvent, type SseStatus } from "./status.ts";

/** Every state with every event: the compiler refuses a table that omits one. */
const table: Record<SseStatus, Record<SseClientEvent, SseStatus>> = {
  idle: {
    need: "connecting",
    release: "idle",
    open: "idle",
    lost: "idle",
    refuse: "idle",
    suspend: "idle",
    resume: "idle",
    retry: "idle",
    close: "closed",
  },
  connecting: {
    need: "connecting",
    release: "idle",
    open: "open",
    lost: "reconnecting",
    refuse: "failed",
    suspend: "paused",
    resume: "connecting",
    retry: "connecting",
    close: "closed",
  },
  open: {
    need: "open",
    release: "idle",
    open: "open",
    lost: "reconnecting",
    refuse: "failed",
    suspend: "paused",
    resume: "open",
    retry: "open",
    close: "closed",
  },
  reconnecting: {
    need: "reconnecting",
    release: "idle",
    open: "open",
    lost: "reconnecting",
    refuse: "failed",
    suspend: "paused",
    resume: "reconnecting",
    retry: "reconnecting",
    close: "closed",
  },
  paused: {
    need: "paused",
    release: "idle",
    open: "open",
    lost: "paused",
    refuse: "failed",
    suspend: "paused",
    resume: "reconnecting",
    retry: "paused",
    close: "closed",
  },
  failed: {
    need: "failed",
    release: "idle",
    open: "open",
    lost: "failed",
    refuse: "failed",
    suspend: "failed",
    resume: "failed",
    retry: "connecting",
    close: "closed",
  },
  closed: {
    need: "closed",
    release: "closed",
    open: "closed",
    lost: "closed",
    refuse: "closed",
    suspend: "closed",
    resume: "closed",
    retry: "closed",
    close: "closed",
  },
};

const states = Object.keys(table) as SseStatus[];
const events = Object.keys(table.idle) as SseClientEvent[];

describe.each(states)("%s", (state) => {
  test.each(events)("after `%s` is what the table says", (event) => {
    expect(transition(state, event)).toBe(table[state][event]);
  });
});

const anyRun = fc.array(fc.constantFrom(...events), { maxLength: 60 });

test("`open` is entered by the event `open` and by nothing else", () => {
  everyStep((before, event, after) => {
    if (after === "open" && before !== "open") expect(event).toBe("open");
  });
});

test("`failed` is entered by a final answer and by nothing else", () => {
  everyStep((before, event, after) => {
    if (after === "failed" && before !== "failed") expect(event).toBe("refuse");
  });
});

test("a client without subscriptions is idle, whatever happens, until there is one", () => {
  everyStep((before, event, after) => {
    if (before === "idle" && event !== "need" && event !== "close") expect(after).toBe("idle");
    if (event === "release") expect(["idle", "closed"]).toContain(after);
  });
});

test("closed stays closed", () => {
  everyStep((before, _, after) => {
    if (before === "closed") expect(after).toBe("closed");
  });
});

test("an event that repeats does not change the status again", () => {
  everyStep((_, event, after) => expect(transition(after, event)).toBe(after));
});

function everyStep(check: (before: SseStatus, event: SseClientEvent, after: SseStatus) => void) {
  fc.assert(
    fc.property(anyRun, (run) => {
      let state: SseStatus = "idle";
      for (const event of run) {
        const after = transition(state, event);
        check(state, event, after);
        state = after;
      }
    }),
  );
}
