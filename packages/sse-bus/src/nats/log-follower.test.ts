import { describe, expect, test } from "vitest";

import { messageJson } from "../core/message.ts";
import type { Delivery } from "./delivery.ts";
import { createLogFollower, type NatsLogFollower } from "./log-follower.ts";
import type { ChannelLoss } from "./loss-detection.ts";
import { createSubjects } from "./subjects.ts";

const subjects = createSubjects("bus");

describe("log follower", () => {
  test("a delivery moves the head first, and then reaches the feeds whose topics cover it", () => {
    const { follower, heard } = setUp();
    listen(follower, heard, "a");
    listen(follower, heard, "b/*");
    follower.accept(delivery(11, "a"));
    follower.accept(delivery(12, "c"));
    follower.accept(delivery(13, "b/1"));
    expect(heard).toEqual(["a: 11 at 11", "b/*: 13 at 13"]);
    expect(follower.head).toEqual({ seq: 13, time: 1013, epoch: "e" });
  });

  test("no position is delivered twice", () => {
    const { follower, heard } = setUp();
    listen(follower, heard, "a");
    for (const seq of [11, 11, 10, 9, 12]) follower.accept(delivery(seq, "a"));
    expect(heard).toEqual(["a: 11 at 11", "a: 12 at 12"]);
  });

  test("nothing after missing positions is delivered before their losses are reported", async () => {
    const { follower, heard, missing, held } = setUp();
    listen(follower, heard, "a");
    listen(follower, heard, "b");
    follower.accept(delivery(11, "a"));
    follower.accept(delivery(15, "a"));
    follower.accept(delivery(16, "b"));
    follower.accept(delivery(20, "a"));
    expect(heard).toEqual(["a: 11 at 11"]);
    expect(follower.head.seq).toBe(11);
    await settle(missing, [{ channel: "a", seq: 13 }]);
    expect(heard.slice(1)).toEqual(["a lost 13", "a: 15 at 15", "b: 16 at 16"]);
    expect(follower.head.seq).toBe(16);
    follower.accept(delivery(21, "b"));
    await settle(missing, [{ channel: undefined, seq: 19 }]);
    expect(heard.slice(4)).toEqual(["a lost 19", "b lost 19", "a: 20 at 20", "b: 21 at 21"]);
    follower.accept(delivery(22, "a"));
    expect(heard.at(-1)).toBe("a: 22 at 22");
    expect(missing.map(({ range }) => range)).toEqual([]);
    expect(held).toEqual([true, false]);
  });

  test("deliveries on hold are discarded when a new consumer delivers them again", async () => {
    const { follower, heard, missing } = setUp();
    listen(follower, heard, "a");
    follower.accept(delivery(15, "a"));
    const late = missing.slice();
    follower.interrupt();
    follower.accept(delivery(11, "a"));
    await settle(late, [{ channel: "a", seq: 14 }]);
    expect(heard).toEqual(["a: 11 at 11"]);
  });

  test("a new log starts at the given position, and waits for positions of the old log end", async () => {
    const { follower, heard } = setUp();
    listen(follower, heard, "a");
    follower.accept(delivery(11, "a"));
    const time = follower.timeOf(12, 10_000);
    const reached = follower.waitFor(12, 10_000);
    follower.begin("f", { seq: 20, time: 5 });
    expect(await time).toBeUndefined();
    expect(await reached).toBe(false);
    expect(await follower.timeOf(11, 10_000)).toBeUndefined();
    follower.accept(delivery(21, "a"));
    expect(heard.at(-1)).toBe("a: 21 at 21");
    expect(follower.head).toEqual({ seq: 21, time: 1021, epoch: "f" });
  });

  test("a wait for a position ends when the head reaches it, with its time if it was delivered", async () => {
    const { follower, missing } = setUp();
    const first = follower.timeOf(11, 10_000);
    const gone = follower.timeOf(12, 10_000);
    const third = follower.waitFor(13, 10_000);
    follower.accept(delivery(11, "a"));
    expect(await first).toBe(1011);
    follower.accept(delivery(13, "a"));
    await settle(missing, []);
    expect(await gone).toBeUndefined();
    expect(await third).toBe(true);
    expect(await follower.timeOf(11, 0)).toBe(1011);
    expect(await follower.waitFor(99, 5)).toBe(false);
  });

  test("an unreadable message is reported once, and the next ones are delivered", () => {
    const { follower, heard, errors } = setUp();
    listen(follower, heard, "a");
    listen(follower, heard, "*");
    follower.accept({ ...delivery(11, "a"), data: new TextEncoder().encode("not JSON") });
    follower.accept(delivery(12, "a"));
    expect(heard).toEqual(["a: 12 at 12", "*: 12 at 12"]);
    expect(errors.map(({ message }) => message)).toEqual([expect.stringMatching(/bus\.c\.a/)]);
  });

  test("a closed subscription gets neither messages nor losses; another one of the same feed does", () => {
    const { follower, heard } = setUp();
    const feed = {
      message: ({ seq }: { seq: number }) => void heard.push(`${seq}`),
      lost: (seq: number) => void heard.push(`lost ${seq}`),
    };
    const close = follower.add("a", feed);
    follower.add("*", feed);
    close();
    close();
    follower.accept(delivery(11, "a"));
    follower.skip({ seq: 20, time: 0 });
    expect(heard).toEqual(["11", "lost 20"]);
    expect(follower.isWanted("a")).toBe(true);
    expect(follower.isWanted("a/b")).toBe(false);
  });
});

interface MissingPositions {
  readonly range: readonly [after: number, before: number];
  resolve(losses: readonly ChannelLoss[]): void;
}

function setUp() {
  const errors: Error[] = [];
  const missing: MissingPositions[] = [];
  const held: boolean[] = [];
  const follower = createLogFollower({
    subjects,
    onError: (error) => void errors.push(error),
    detectLosses: async (...range) =>
      new Promise((resolve) => {
        missing.push({ range, resolve });
      }),
    onHold: (isHeld) => void held.push(isHeld),
    onDelivered: () => {},
  });
  follower.begin("e", { seq: 10, time: 1 });
  return { follower, errors, missing, held, heard: [] as string[] };
}

function listen(follower: NatsLogFollower, heard: string[], topic: string): void {
  follower.add(topic, {
    message: (message) => {
      expect(follower.head.seq).toBe(message.seq);
      heard.push(`${topic}: ${messageJson(message)} at ${message.seq}`);
    },
    lost: (seq) => void heard.push(`${topic} lost ${seq}`),
  });
}

function delivery(seq: number, channel: string): Delivery {
  return {
    subject: subjects.of(channel, undefined),
    data: new TextEncoder().encode(String(seq)),
    headers: undefined,
    seq,
    time: 1000 + seq,
    count: seq,
    pending: 0,
  };
}

/** Reports the losses of the oldest missing positions, and waits until they are handled. */
async function settle(missing: MissingPositions[], losses: readonly ChannelLoss[]): Promise<void> {
  const positions = missing.shift();
  expect(positions).toBeDefined();
  positions?.resolve(losses);
  await new Promise((resolve) => setImmediate(resolve));
}
