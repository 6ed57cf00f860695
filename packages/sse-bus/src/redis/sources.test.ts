import fc from "fast-check";
import { expect, test } from "vitest";
import type { Source } from "./keys.ts";
import type { Link } from "./link.ts";
import { createSources } from "./sources.ts";

const SOURCES: readonly Source[] = [
  { kind: "channel", name: "a" },
  { kind: "channel", name: "b" },
  { kind: "pattern", name: "a" },
];

test("whatever is wanted and released, and however slowly the server answers, it ends with what is wanted", async () => {
  const step = fc.record({
    index: fc.nat({ max: SOURCES.length - 1 }),
    topic: fc.constantFrom("one", "another"),
    isWanted: fc.boolean(),
    answers: fc.nat({ max: 2 }),
    reconnects: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const needed = new Set<string>();
      const isNeeded = (source: Source): boolean =>
        ["one", "another"].some((topic) => needed.has(`${topic} ${nameOf(source)}`));
      let isTold = true;
      const sources = createSources({
        onConfirmed: () => void (isTold = true),
        onFailure: fail,
        onRefused: (_topics, cause) => fail(cause),
      });
      let server = createServer();
      sources.use(server.link);
      for (const { index, topic, isWanted, answers, reconnects } of steps) {
        const source = SOURCES[index] as Source;
        needed[isWanted ? "add" : "delete"](`${topic} ${nameOf(source)}`);
        if (isWanted) isTold = false;
        sources[isWanted ? "want" : "release"](source, topic);
        if (reconnects) sources.use((server = createServer()).link);
        for (let n = 0; n < answers; n++) await server.answer();
      }
      for (let n = 0; n < 10; n++) await server.answer();
      const wanted = SOURCES.filter(isNeeded);
      expect([...server.subscribed].toSorted()).toEqual(wanted.map(nameOf).toSorted());
      for (const source of SOURCES) expect(sources.isConfirmed(source)).toBe(isNeeded(source));
      // On a new connection, with nothing wanted any more, there is nobody to tell.
      const isTellingDue = wanted.length > 0;
      expect(isTold || !isTellingDue, "who wants what is confirmed already is told").toBe(true);
    }),
  );
});

test("topics that are wanted in one turn are asked for in one command", async () => {
  const server = createServer();
  const sources = createSources({
    onConfirmed() {},
    onFailure: fail,
    onRefused: (_topics, cause) => fail(cause),
  });
  sources.use(server.link);
  for (const name of ["a", "b", "c"]) sources.want({ kind: "channel", name }, name);
  await server.answer();
  expect(server.commands).toBe(1);
});

test("what the server refuses is told and given up, and the others are confirmed", async () => {
  const refused: string[] = [];
  const sources = createSources({
    onConfirmed() {},
    onFailure: fail,
    onRefused: (topics) => void refused.push(...topics),
  });
  sources.use({
    ...createServer().link,
    async subscribe(_kind, names) {
      if (names.includes("b")) throw new Error("NOPERM this user has no permissions");
    },
  });
  for (const name of ["a", "b", "c"]) sources.want({ kind: "channel", name }, name);
  await turn();
  expect(refused).toEqual(["b"]);
  const isConfirmed = (name: string): boolean => sources.isConfirmed({ kind: "channel", name });
  expect(["a", "b", "c"].map(isConfirmed)).toEqual([true, false, true]);
});

test("a connection that fails is told, and nothing is confirmed", async () => {
  const failures: string[] = [];
  const sources = createSources({
    onConfirmed: expect.unreachable,
    onFailure(error) {
      failures.push(error.message);
      sources.use(undefined);
    },
    onRefused: (_topics, cause) => fail(cause),
  });
  const fails = async (): Promise<never> => Promise.reject(new Error("Socket closed"));
  sources.use({ ...createServer().link, subscribe: fails });
  sources.want(SOURCES[0] as Source, "a");
  await turn();
  expect(failures).toEqual(["Socket closed"]);
  expect(sources.isConfirmed(SOURCES[0] as Source)).toBe(false);
});

interface ScriptedServer {
  readonly link: Link;
  readonly subscribed: Set<string>;
  readonly commands: number;
  /** Carries out the oldest command that waits. */
  answer(): Promise<void>;
}

/** Carries out commands when the test says so, in their order. */
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
    link: {
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

function nameOf({ kind, name }: Source): string {
  return `${kind} ${name}`;
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
