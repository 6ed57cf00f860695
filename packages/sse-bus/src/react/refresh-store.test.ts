import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startBusServer } from "../../test/support/bus-server.ts";
import { createSseClient } from "../client/client.ts";
import { createRefreshStore } from "./refresh-store.ts";

// The store, the client, the route and the bus together: the view of a page against its database.

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"],
  });
});
afterEach(() => vi.useRealTimers());

type Action =
  | { readonly do: "change"; readonly count: number }
  | { readonly do: "pass"; readonly ms: number }
  | { readonly do: "cut" | "bye" | "restart" | "unavailable" | "remount" };

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("change" as const), count: fc.nat(12) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.nat(1_500) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("cut" as const, "bye", "restart", "unavailable", "remount"),
    }),
  },
);

/** An evicted cursor, a restarted log, and a mount during a refresh, in every run. */
const examples: [Action[], number[], boolean][] = [true, false].map((hasCursor) => [
  [
    { do: "change", count: 9 },
    { do: "pass", ms: 1_000 },
    { do: "cut" },
    { do: "change", count: 9 },
    { do: "pass", ms: 500 },
    { do: "restart" },
    { do: "pass", ms: 1_000 },
    { do: "change", count: 1 },
    { do: "remount" },
  ],
  [1_002, 0],
  hasCursor,
]);

/** SSE_BUS_MODEL_RUNS=2000 for a long run; it stops after two minutes at the latest. */
const numRuns = Number(process.env.SSE_BUS_MODEL_RUNS ?? 25);

test("at rest a view equals its database, whatever is cut, evicted, restarted or mounted again", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(action, { maxLength: 25 }),
      fc.array(fc.nat(3_000), { minLength: 1, maxLength: 5 }),
      fc.boolean(),
      async (actions, durations, hasCursor) => {
        await using server = startBusServer(
          { heartbeatMs: 5_000, retryMs: 10 },
          { history: { maxMessages: 4 }, onError: () => {} },
        );
        using client = createSseClient({
          url: server.url,
          fetch: server.fetch,
          backoff: { baseMs: 100 },
          onError: () => {},
        });
        let database = 0;
        let calls = 0;
        const snapshot = await server.bus.snapshot(() => database);
        let view = snapshot.data;
        const store = createRefreshStore(client, {
          channel: "rows",
          event: undefined,
          cursor: hasCursor ? snapshot.cursor : undefined,
          settings: {
            async refresh() {
              const data = database;
              await new Promise((resolve) => {
                setTimeout(resolve, durations[calls++ % durations.length]);
              });
              view = data;
            },
          },
        });
        const change = async (): Promise<void> => {
          database++;
          await server.bus.publish("changed", { channel: "rows" });
        };
        await change();
        let stop = store.start();
        for (const one of actions) {
          switch (one.do) {
            case "change":
              for (let n = 0; n < one.count; n++) await change();
              break;
            case "pass":
              await vi.advanceTimersByTimeAsync(one.ms);
              break;
            case "cut":
              server.cut();
              break;
            case "bye":
              server.end("lifetime", 1);
              break;
            case "restart":
              await server.restart();
              break;
            case "unavailable":
              server.answers.push(() => new Response("{}", { status: 503 }));
              break;
            case "remount":
              stop();
              stop = store.start();
              break;
          }
        }
        await vi.advanceTimersByTimeAsync(120_000);
        expect(client.status).toBe("open");
        expect(view).toBe(database);
        stop();
      },
    ),
    { numRuns, examples, interruptAfterTimeLimit: 120_000, endOnFailure: true },
  );
}, 150_000);
