import { describe, expect, test } from "vitest";

import { messageJson } from "../core/message.ts";
import type { Delivery } from "./delivery.ts";
import { createFollower, type Follower } from "./follower.ts";
import type { Loss } from "./hole.ts";
import { createSubjects } from "./subjects.ts";

const subjects = createSubjects("bus");

describe("follower", () => {
  test("what is delivered is handed to the feeds that cover it, and moves what is reached first", () => {
    const { follower, heard } = setUp();
    listen(follower, heard, "a");
    listen(follower, heard, "b/*");
    follower.accept(delivery(11, "a"));
    follower.accept(delivery(12, "c"));
    follower.accept(delivery(13, "b/1"));
    expect(heard).toEqual(["a: 11 at 11", "b/*: 13 at 13"]);
    expect(follower.reached).toEqual({ seq: 13, time: 1013, epoch: "e" });
  });

  test("what has been reached is not handed over twice", () => {
    const { follower, heard } = setUp();
    listen(follower, heard, "a");
    for (const seq of [11, 11, 10, 9, 12]) follower.accept(delivery(seq, "a"));
    expect(heard).toEqual(["a: 11 at 11", "a: 12 at 12"]);
  });

  test("nothing passes a hole before its losses are told, however much comes meanwhile", async () => {
    const { follower, heard, holes, held } = setUp();
    listen(follower, heard, "a");
    listen(follower, heard, "b");
    follower.accept(delivery(11, "a"));
    follower.accept(delivery(15, "a"));
    follower.accept(delivery(16, "b"));
    follower.accept(delivery(20, "a"));
    expect(heard).toEqual(["a: 11 at 11"]);
    expect(follower.reached.seq).toBe(11);
    await settle(holes, [{ channel: "a", seq: 13 }]);
    expect(heard.slice(1)).toEqual(["a lost 13", "a: 15 at 15", "b: 16 at 16"]);
    expect(follower.reached.seq).toBe(16);
    follower.accept(delivery(21, "b"));
    await settle(holes, [{ channel: undefined, seq: 19 }]);
    expect(heard.slice(4)).toEqual(["a lost 19", "b lost 19", "a: 20 at 20", "b: 21 at 21"]);
    follower.accept(delivery(22, "a"));
    expect(heard.at(-1)).toBe("a: 22 at 22");
    expect(holes.map(({ range }) => range)).toEqual([]);
    expect(held).toEqual([true, false]);
  });

  test("what was held back is dropped when a new consumer delivers it again", async () => {
    const { follower, heard, holes } = setUp();
    listen(follower, heard, "a");
    follower.accept(delivery(15, "a"));
    const late = holes.slice();
    follower.interrupt();
    follower.accept(delivery(11, "a"));
    await settle(late, [{ channel: "a", seq: 14 }]);
    expect(heard).toEqual(["a: 11 at 11"]);
  });

  test("a new log begins where it is said to, and answers nobody who waits for the old one", async () => {
    const { follower, heard } = setUp();
    listen(follower, heard, "a");
    follower.accept(delivery(11, "a"));
    const time = follower.timeOf(12, 10_000);
    const reached = follower.whenReached(12, 10_000);
    follower.begin("f", { seq: 20, time: 5 });
    expect(await time).toBeUndefined();
    expect(await reached).toBe(false);
    expect(await follower.timeOf(11, 10_000)).toBeUndefined();
    follower.accept(delivery(21, "a"));
    expect(heard.at(-1)).toBe("a: 21 at 21");
    expect(follower.reached).toEqual({ seq: 21, time: 1021, epoch: "f" });
  });

  test("who waits for a position hears when it is reached, of its time if it was delivered", async () => {
    const { follower, holes } = setUp();
    const first = follower.timeOf(11, 10_000);
    const gone = follower.timeOf(12, 10_000);
    const third = follower.whenReached(13, 10_000);
    follower.accept(delivery(11, "a"));
    expect(await first).toBe(1011);
    follower.accept(delivery(13, "a"));
    await settle(holes, []);
    expect(await gone).toBeUndefined();
    expect(await third).toBe(true);
    expect(await follower.timeOf(11, 0)).toBe(1011);
    expect(await follower.whenReached(99, 5)).toBe(false);
  });

  test("a message that cannot be read is reported once, and the next ones are handed over", () => {
    const { follower, heard, errors } = setUp();
    listen(follower, heard, "a");
    listen(follower, heard, "*");
    follower.accept({ ...delivery(11, "a"), data: new TextEncoder().encode("not JSON") });
    follower.accept(delivery(12, "a"));
    expect(heard).toEqual(["a: 12 at 12", "*: 12 at 12"]);
    expect(errors.map(({ message }) => message)).toEqual([expect.stringMatching(/bus\.c\.a/)]);
  });

  test("a closed subscription gets neither messages nor losses, and another of its feed does", () => {
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

interface Hole {
  readonly range: readonly [after: number, before: number];
  explain(losses: readonly Loss[]): void;
}

function setUp() {
  const errors: Error[] = [];
  const holes: Hole[] = [];
  const held: boolean[] = [];
  const follower = createFollower({
    subjects,
    onError: (error) => void errors.push(error),
    explain: async (...range) =>
      new Promise((explain) => {
        holes.push({ range, explain });
      }),
    onHold: (isHeld) => void held.push(isHeld),
    onHanded: () => {},
  });
  follower.begin("e", { seq: 10, time: 1 });
  return { follower, errors, holes, held, heard: [] as string[] };
}

function listen(follower: Follower, heard: string[], topic: string): void {
  follower.add(topic, {
    message: (message) => {
      expect(follower.reached.seq).toBe(message.seq);
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

/** Explains the hole that is being asked about, and lets what follows from it happen. */
async function settle(holes: Hole[], losses: readonly Loss[]): Promise<void> {
  const hole = holes.shift();
  expect(hole).toBeDefined();
  hole?.explain(losses);
  await new Promise((resolve) => setImmediate(resolve));
}
