import { setTimeout as sleep } from "node:timers/promises";

/** Publishes numbered messages on every channel at once, each until it is stored. */
export interface ChaosPublisher {
  /** Messages stored so far. */
  readonly stored: number;
  /** The newest stored `n` by channel. */
  readonly newest: ReadonlyMap<string, number>;
  /** Publishes that failed and were tried again with the same id. */
  readonly retries: number;
  /** Resolves when this many are stored. */
  reached(count: number): Promise<void>;
  /** Lets what is under way finish, and holds the rest. */
  pause(): Promise<void>;
  resume(): void;
  readonly done: Promise<void>;
}

const RETRY_MS = 100;
const GIVE_UP_MS = 60_000;

export function startPublisher(
  origins: readonly string[],
  channels: readonly string[],
  perChannel: number,
): ChaosPublisher {
  const waiting: { count: number; resolve: () => void }[] = [];
  const newest = new Map<string, number>();
  let stored = 0;
  let retries = 0;
  let underWay = 0;
  let gate: Promise<void> | undefined;
  let openGate = (): void => {};

  async function publish(channel: string, n: number): Promise<void> {
    const body = JSON.stringify({ data: { n }, channel, id: `${channel}-${n}` });
    const deadline = Date.now() + GIVE_UP_MS;
    for (let attempt = n; Date.now() < deadline; attempt++) {
      const origin = origins[attempt % origins.length] as string;
      const status = await post(`${origin}/api/publish`, body);
      if (status === 200) return;
      if (status !== undefined && status < 500) throw new Error(`publish answered ${status}`);
      retries++;
      await sleep(RETRY_MS);
    }
    throw new Error(`${channel} ${n} could not be published in ${GIVE_UP_MS} ms`);
  }

  async function run(channel: string): Promise<void> {
    for (let n = 1; n <= perChannel; n++) {
      await gate;
      underWay++;
      await publish(channel, n).finally(() => underWay--);
      stored++;
      newest.set(channel, n);
      for (const { count, resolve } of waiting) if (stored >= count) resolve();
    }
  }

  return {
    get stored() {
      return stored;
    },
    newest,
    get retries() {
      return retries;
    },
    reached: (count) =>
      stored >= count
        ? Promise.resolve()
        : new Promise((resolve) => waiting.push({ count, resolve })),
    async pause() {
      gate = new Promise((resolve) => (openGate = resolve));
      while (underWay > 0) await sleep(5);
    },
    resume() {
      gate = undefined;
      openGate();
    },
    done: Promise.all(channels.map(run)).then(() => {}),
  };
}

async function post(url: string, body: string): Promise<number | undefined> {
  try {
    const headers = { "Content-Type": "application/json" };
    const response = await fetch(url, { method: "POST", headers, body });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return undefined;
  }
}
