import { expect, test } from "vitest";
import { watchMachine } from "../support/machine-stalls.ts";
import type { Restartable } from "../support/restartable.ts";
import type { ServerUrl } from "../support/server-url.ts";
import { waitFor } from "../support/wait-for.ts";
import { startCluster } from "./cluster.ts";
import { startRun } from "./start-run.ts";

const STOP_MS = 500;
const STOPS = 20;
/** A source that gives for 15 s. */
const SLOW = { seed: 41, pace: 20 };

/** Each stop comes from an instance that does not run the source, the first ones from one that has no stream yet. */
export function testStops(name: string, use: () => Promise<ServerUrl>): void {
  test(`${name}: each of ${STOPS} stops aborts the source within ${STOP_MS} ms, and ends its readers`, async () => {
    await using server = await use();
    await using cluster = await startCluster(server.url);
    await using machine = await watchMachine();
    const took: number[] = [];
    for (let turn = 0; turn < STOPS; turn++) {
      const id = `stop-${turn}`;
      const { reader } = await startRun(cluster, id, { ...SLOW, on: turn % 3 });
      await waitFor("the first bytes", () => reader.bytes().length > 0, { everyMs: 2 });
      const stopper = cluster.instances[(turn + 1) % 3] as Restartable;
      const [at, since] = [Date.now(), performance.now()];
      const response = await fetch(`${stopper.url}/stop?id=${id}`);
      expect(await response.text()).toBe("true");
      expect((await reader.over).how).toBe("end");
      const abort = (await cluster.notes(id)).find(({ what }) => what === "abort");
      const afterMs = (abort?.at ?? Number.POSITIVE_INFINITY) - at;
      took.push(afterMs - machine.between(since, since + afterMs));
    }
    const sorted = took.map(Math.round).toSorted((a, b) => a - b);
    console.log(`${name}: the stops took ${sorted.join()} ms.`);
    expect(took.filter((ms) => ms >= STOP_MS)).toEqual([]);
  });
}
