/** The runner's commands to a server under test, over the channel to its child process. */
export type Command =
  | {
      readonly do: "burst";
      readonly messages: number;
      readonly batch: number;
      readonly size: number;
    }
  | { readonly do: "rate"; readonly messages: number; readonly hz: number; readonly size: number }
  | { readonly do: "memory" };

export interface Memory {
  readonly heapUsed: number;
  readonly external: number;
  readonly rss: number;
}

/** The message of every variant; `t` is the publisher's clock in µs. */
export interface Stamped {
  readonly t: number;
  readonly p: string;
}

/** Sends one message; `n` counts from 0, for variants that spread messages over channels. */
export type Publish = (message: Stamped, n: number) => unknown;

/**
 * Executes the runner's commands. Between two batches the event loop turns once, after what the variant does
 * at the end of a turn: with batches of one, no two messages leave together.
 */
export function obey(publish: Publish): void {
  process.on("message", (command: Command) => void run(command, publish));
  process.on("disconnect", () => process.exit(0));
}

/** Tells the runner that connections are accepted. */
export function ready(): void {
  process.send?.({ event: "ready" });
}

async function run(command: Command, publish: Publish): Promise<void> {
  if (command.do === "memory") {
    process.send?.({ event: "memory", ...(await measureMemory()) });
    return;
  }
  const make = stamper(command.size);
  if (command.do === "burst") {
    for (let n = 0; n < command.messages;) {
      let last: unknown;
      for (let k = 0; k < command.batch && n < command.messages; k++) last = publish(make(), n++);
      await last;
      await new Promise(setImmediate);
    }
  } else {
    let n = 0;
    const timer = setInterval(() => {
      publish(make(), n++);
      if (n === command.messages) clearInterval(timer);
    }, 1000 / command.hz);
  }
}

function stamper(size: number): () => Stamped {
  const stamp = (): number => Number(process.hrtime.bigint() / 1000n);
  const rest = size - JSON.stringify({ t: stamp(), p: "" }).length;
  const p = "x".repeat(Math.max(0, rest));
  return () => ({ t: stamp(), p });
}

async function measureMemory(): Promise<Memory> {
  const { gc } = globalThis as { gc?: () => void };
  for (let round = 0; round < 3; round++) {
    gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heapUsed, external, rss };
}
