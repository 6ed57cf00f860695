import { describe, expect, test } from "vitest";

import { waitFor } from "../support/wait-for.ts";
import { publishUntilStored, openBus } from "./redis-helpers.ts";
import { subscribe } from "./subscriber.ts";
import { startPair } from "./redis-pair.ts";

describe("failover", () => {
  test("to a replica that has everything: no message is missing, and there is no gap", async () => {
    await using pair = await startPair();
    await using one = openBus(pair.connect());
    await using two = openBus(pair.connect());
    const subscriber = subscribe(two, { channel: "**", after: await two.cursor() });
    const sent: string[] = [];
    for (let n = 0; n < 20; n++) sent.push((await one.publish(n, { channel: `room/${n % 3}` })).id);
    await pair.untilInStep();
    await pair.failOver();
    for (let n = 0; n < 20; n++) sent.push(await publishUntilStored(one, `room/${n % 3}`));
    await waitFor("the last message", () => subscriber.ids.at(-1) === sent.at(-1));
    expect(subscriber.ids).toEqual(sent);
    expect(subscriber.gaps).toEqual([]);
  });

  test("to a replica that lagged: the epoch changes, so that the loss is reported", async () => {
    await using pair = await startPair();
    await using one = openBus(pair.connect());
    await using two = openBus(pair.connect());
    // It has not received what will be lost, and is the first to publish to the new primary.
    await using late = openBus(pair.connect());
    const subscriber = subscribe(two, { channel: "a", after: await two.cursor() });
    const kept = await one.publish("kept", { channel: "a" });
    await pair.untilInStep();
    await pair.stopReplication();
    const lost = [await one.publish("lost", { channel: "a" }), await one.publish("lost too")];
    await waitFor("what will be lost", () => subscriber.ids.length === 2);
    await pair.failOver();
    const fresh: string[] = [];
    for (let n = 0; n < 30; n++) fresh.push(await publishUntilStored(late, "a"));
    await waitFor("a gap", () => subscriber.gaps.length > 0);
    fresh.push(await publishUntilStored(late, "a"));
    await waitFor("the new log", () => subscriber.ids.at(-1) === fresh.at(-1));
    expect(subscriber.gaps.map(({ reason }) => reason)).toEqual(["restarted"]);
    // No position is assigned twice: a cursor of a lost message differs from new ones.
    const positions = [...lost.map(({ id }) => id), ...fresh].map((id) => id.split("-")[0]);
    expect([...new Set(positions)]).toEqual(positions);
    // New readers receive what the replica had.
    const whole = subscribe(one, { channel: "a", after: kept.id });
    await waitFor("all that is kept", () => whole.ids.length > fresh.length);
    expect(whole.gaps.map(({ reason }) => reason)).toEqual(["restarted"]);
    expect(whole.data[0]).toBe("kept");
  });

  test("to an empty replica: the epoch changes", async () => {
    await using pair = await startPair();
    await using one = openBus(pair.connect());
    const subscriber = subscribe(one, { channel: "a", after: await one.cursor() });
    await one.publish("lost", { channel: "a" });
    await waitFor("the first message", () => subscriber.ids.length === 1);
    await pair.stopReplication();
    await pair.emptyReplica();
    await pair.failOver();
    await waitFor("a gap", () => subscriber.gaps.length > 0);
    const fresh = await publishUntilStored(one, "a");
    await waitFor("the new message", () => subscriber.ids.at(-1) === fresh);
    expect(subscriber.gaps.map(({ reason }) => reason)).toEqual(["restarted"]);
  });
});
