import fc from "fast-check";
import { expect, test } from "vitest";
import type { PubSubName } from "./keys.ts";
import type { RedisConnection } from "./connection.ts";
import { createPubSubSubscriptions } from "./pub-sub-subscriptions.ts";

const NAMES: readonly PubSubName[] = [
  { kind: "channel", name: "a" },
  { kind: "channel", name: "b" },
  { kind: "pattern", name: "a" },
];

test("after any additions and removals, and with any delay of the server, exactly the needed names are subscribed", async () => {
  const step = fc.record({
    index: fc.nat({ max: NAMES.length - 1 }),
    topic: fc.constantFrom("one", "another"),
    isWanted: fc.boolean(),
    answers: fc.nat({ max: 2 }),
    reconnects: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const needed = new Set<string>();
      const isNeeded = (name: PubSubName): boolean =>
        ["one", "another"].some((topic) => needed.has(`${topic} ${textOf(name)}`));
      let isTold = true;
      const subscriptions = createPubSubSubscriptions({
        onConfirmed: () => void (isTold = true),
        onFailure: fail,
        onRefused: (_topics, cause) => fail(cause),
      });
      let server = createServer();
      subscriptions.useConnection(server.connection);
      for (const { index, topic, isWanted, answers, reconnects } of steps) {
        const name = NAMES[index] as PubSubName;
        needed[isWanted ? "add" : "delete"](`${topic} ${textOf(name)}`);
        if (isWanted) isTold = false;
        subscriptions[isWanted ? "add" : "remove"](name, topic);
        if (reconnects) subscriptions.useConnection((server = createServer()).connection);
        for (let n = 0; n < answers; n++) await server.answer();
      }
      for (let n = 0; n < 10; n++) await server.answer();
      const wanted = NAMES.filter(isNeeded);
      expect([...server.subscribed].toSorted()).toEqual(wanted.map(textOf).toSorted());
      for (const name of NAMES) expect(subscriptions.isConfirmed(name)).toBe(isNeeded(name));
      // A new connection without needed names has nothing to confirm.
      const isTellingDue = wanted.length > 0;
      expect(isTold || !isTellingDue, "adding a confirmed name is confirmed again").toBe(true);
    }),
  );
});

test("topics added in one turn are subscribed to with one command", async () => {
  const server = createServer();
  const subscriptions = createPubSubSubscriptions({
    onConfirmed() {},
    onFailure: fail,
    onRefused: (_topics, cause) => fail(cause),
  });
  subscriptions.useConnection(server.connection);
  for (const name of ["a", "b", "c"]) subscriptions.add({ kind: "channel", name }, name);
  await server.answer();
  expect(server.commands).toBe(1);
});

test("a rejected subscription is reported and removed, and the others are confirmed", async () => {
  const refused: string[] = [];
  const subscriptions = createPubSubSubscriptions({
    onConfirmed() {},
    onFailure: fail,
    onRefused: (topics) => void refused.push(...topics),
  });
  subscriptions.useConnection({
    ...createServer().connection,
    async subscribe(_kind, names) {
      if (names.includes("b")) throw new Error("NOPERM this user has no permissions");
    },
  });
  for (const name of ["a", "b", "c"]) subscriptions.add({ kind: "channel", name }, name);
  await turn();
  expect(refused).toEqual(["b"]);
  const isConfirmed = (name: string): boolean =>
    subscriptions.isConfirmed({ kind: "channel", name });
  expect(["a", "b", "c"].map(isConfirmed)).toEqual([true, false, true]);
});

test("a failed connection is reported, and nothing is confirmed", async () => {
  const failures: string[] = [];
  const subscriptions = createPubSubSubscriptions({
    onConfirmed: expect.unreachable,
    onFailure(error) {
      failures.push(error.message);
      subscriptions.useConnection(undefined);
    },
    onRefused: (_topics, cause) => fail(cause),
  });
  const fails = async (): Promise<never> => Promise.reject(new Error("Socket closed"));
  subscriptions.useConnection({ ...createServer().connection, subscribe: fails });
  subscriptions.add(NAMES[0] as PubSubName, "a");
  await turn();
  expect(failures).toEqual(["Socket closed"]);
  expect(subscriptions.isConfirmed(NAMES[0] as PubSubName)).toBe(false);
});

interface ScriptedServer {
  readonly connection: RedisConnection;
  readonly subscribed: Set<string>;
  readonly commands: number;
  /** Executes the oldest waiting command. */
  answer(): Promise<void>;
}

/** Executes commands in order, each when the test calls `answer`. */
function createServer(): ScriptedServer {
  const subscribed = new Set<string>();
  const waiting: (() => void)[] = [];
  let commands = 0;
  const later = async (run: () => void): Promise<void> => {
    commands++;
    return new Promise<void>((resolve) => {
      waiting.push(() => {
        run();
        resolve();
      });
    });
  };
  return {
    subscribed,
    get commands() {
      return commands;
    },
    connection: {
      send: async () => undefined,
      subscribe: async (kind, names) =>
        later(() => names.forEach((name) => subscribed.add(`${kind} ${name}`))),
      unsubscribe: async (kind, names) =>
        later(() => names.forEach((name) => subscribed.delete(`${kind} ${name}`))),
      destroy() {},
    },
    async answer() {
      await turn();
      waiting.shift()?.();
      await turn();
    },
  };
}

function fail(cause: Error): never {
  throw cause;
}

function textOf({ kind, name }: PubSubName): string {
  return `${kind} ${name}`;
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
