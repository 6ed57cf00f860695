import { native } from "./native.ts";
import { flagsOf, type Helper, helper, start } from "./process.ts";

/** The generator's results for connecting. */
export interface Opened {
  readonly answered: number;
  readonly refused: number;
  readonly closed: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** The generator's results for messages. */
export interface Received {
  readonly deliveries: number;
  readonly lost: number;
  readonly extra: number;
  readonly disorder: number;
  readonly closed: number;
  readonly reads: number;
  readonly bytes: number;
  /** From the first message's stamp to the last arrival. */
  readonly seconds: number;
  /** From the first connect, or from `expect`, to the last arrival. */
  readonly wallSeconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** The generator's own CPU time: near `wallSeconds` it is the bottleneck. */
  readonly cpuSeconds: number;
}

export interface LoadOptions {
  /** The core it runs on; any without it. */
  readonly cpu?: number;
  readonly port: number;
  readonly connections: number;
  /** `%d` is the connection's channel. */
  readonly path: string;
  readonly channels?: number;
  readonly channelsPerReader?: number;
  readonly stalled?: number;
  /** The last number of its loopback address. @default 2 */
  readonly address?: number;
  /** A line of the requests' heads, such as `Accept-Encoding: gzip`. */
  readonly header?: string;
  /** Counts from the first connect until each connection has this many messages. */
  readonly expect?: number;
}

export interface Load extends AsyncDisposable {
  readonly opened: Opened;
  /** Arms the counters, calls `publish`, and waits for every reader to have `messages`. */
  receive(messages: number, seconds: number, publish: () => unknown): Promise<Received>;
  /** The messages received while connecting, with `expect`. */
  received(): Promise<Received>;
}

/** Opens connections from the generator's core. */
export async function openLoad(options: LoadOptions): Promise<Load> {
  // The others are flags with the same names.
  const { cpu, connections, channelsPerReader, ...same } = options;
  const flags = flagsOf({ ...same, count: connections, "per-reader": channelsPerReader });
  const generator: Helper = helper(start(cpu, [native("loadgen"), ...flags]));
  const opened = await generator.next<Opened>("open");
  if (opened.refused + opened.closed > 0 || opened.answered < connections) {
    await generator[Symbol.asyncDispose]();
    throw new Error(`Not every connection was opened: ${JSON.stringify(opened)}`);
  }
  return {
    opened,
    async receive(messages, seconds, publish) {
      generator.send(`expect ${messages} ${seconds}`);
      await generator.next("armed");
      await publish();
      return generator.next<Received>("result");
    },
    received: () => generator.next<Received>("result"),
    [Symbol.asyncDispose]: () => generator[Symbol.asyncDispose](),
  };
}
