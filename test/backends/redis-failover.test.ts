import { describe, expect, test } from "vitest";

import { waitFor } from "../support/wait-for.ts";
import { insist, listen, openBus } from "./redis-ears.ts";
import { startPair } from "./redis-pair.ts";

describe("failover", () => {
  test("to a replica that has everything: no message is missing, and no gap is told", async () => {
    await using pair = await startPair();
    await using one = openBus(pair.connect());
    await using two = openBus(pair.connect());
    const ear = listen(two, "**", await two.cursor());
    const sent: string[] = [];
    for (let n = 0; n < 20; n++) sent.push((await one.publish(n, { channel: `room/${n % 3}` })).id);
    await pair.untilInStep();
    await pair.failOver();
    for (let n = 0; n < 20; n++) sent.push(await insist(one, `room/${n % 3}`));
    await waitFor("the last message", () => ear.ids.at(-1) === sent.at(-1));
    expect(ear.ids).toEqual(sent);
    expect(ear.gaps).toEqual([]);
  });

  test("to a replica that lagged: the epoch changes, so that what was lost is told", async () => {
    await using pair = await startPair();
    await using one = openBus(pair.connect());
    await using two = openBus(pair.connect());
    // It has seen nothing of what will be lost, and is the first to publish to the new primary.
    await using late = openBus(pair.connect());
    const ear = listen(two, "a", await two.cursor());
    const kept = await one.publish("kept", { channel: "a" });
    await pair.untilInStep();
    await pair.stopReplication();
    const lost = [await one.publish("lost", { channel: "a" }), await one.publish("lost too")];
    await waitFor("what will be lost", () => ear.ids.length === 2);
    await pair.failOver();
    const fresh: string[] = [];
    for (let n = 0; n < 30; n++) fresh.push(await insist(late, "a"));
    await waitFor("a gap", () => ear.gaps.length > 0);
    fresh.push(await insist(late, "a"));
    await waitFor("the new log", () => ear.ids.at(-1) === fresh.at(-1));
    expect(ear.gaps.map(({ reason }) => reason)).toEqual(["restarted"]);
    // No position is given twice: a cursor of what was lost stays apart from what is new.
    const positions = [...lost.map(({ id }) => id), ...fresh].map((id) => id.split("-")[0]);
    expect(new Set(positions).size).toBe(positions.length);
    // What the replica had is still there for whoever comes.
    const whole = listen(one, "a", kept.id);
    await waitFor("all that is kept", () => whole.ids.length > fresh.length);
    expect(whole.gaps.map(({ reason }) => reason)).toEqual(["restarted"]);
    expect(whole.data[0]).toBe("kept");
  });

  test("to an empty replica: the epoch changes", async () => {
    await using pair = await startPair();
    await using one = openBus(pair.connect());
    const ear = listen(one, "a", await one.cursor());
    await one.publish("lost", { channel: "a" });
    await waitFor("the first message", () => ear.ids.length === 1);
    await pair.stopReplication();
    await pair.emptyReplica();
    await pair.failOver();
    await waitFor("a gap", () => ear.gaps.length > 0);
    const fresh = await insist(one, "a");
    await waitFor("the new message", () => ear.ids.at(-1) === fresh);
    expect(ear.gaps.map(({ reason }) => reason)).toEqual(["restarted"]);
  });
});
