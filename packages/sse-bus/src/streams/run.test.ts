import { expect, test, vi } from "vitest";
import { createJoinTicker } from "./join-ticker.ts";
import type { RunPublisher } from "./run-publisher.ts";
import { startRun } from "./run.ts";
import { resolveLimits } from "./streams-options.ts";

test.each([
  ["first", 1],
  ["last", 2],
])(
  "a run whose %s append fails is no complete one, also if its source has ended",
  async (_, nth) => {
    let appends = 0;
    const end = vi.fn<RunPublisher["end"]>(async () => {});
    const publisher: RunPublisher = {
      async append() {
        appends++;
        await new Promise((resolve) => setImmediate(resolve));
        if (appends === nth) throw new Error("The log does not take it.");
      },
      end,
      publishOwner: async () => false,
    };
    const errors: Error[] = [];
    async function* source() {
      yield "one";
      yield "two";
    }
    const run = startRun({
      channel: "~streams/x",
      id: "1-0123456789abcdef",
      source: source(),
      limits: resolveLimits({ joinMs: 0 }),
      ticker: createJoinTicker(0),
      publisher,
      onError: (error) => errors.push(error),
    });
    await run.done;
    expect(appends).toBe(nth);
    expect(end.mock.calls).toEqual([["failed"]]);
    expect(errors).toMatchObject([{ message: "The log does not take it." }]);
  },
);
