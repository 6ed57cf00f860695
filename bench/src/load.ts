import { native } from "./native.ts";
import { type Helper, helper, start } from "./process.ts";

/** What the generator saw of the connecting. */
export interface Opened {
  readonly answered: number;
  readonly refused: number;
  readonly closed: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** What the generator saw of the messages. */
export interface Received {
  readonly deliveries: number;
  readonly lost: number;
  readonly extra: number;
  readonly disorder: number;
  readonly closed: number;
  readonly reads: number;
  /** From the first message's stamp to the last arrival. */
  readonly seconds: number;
  /** From the first connect, or from `expect`, to the last arrival. */
  readonly wallSeconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** The generator's own: at `wallSeconds` it is the bottleneck. */
  readonly cpuSeconds: number;
}

export interface LoadOptions {
  readonly cpu: number;
  readonly port: number;
  readonly connections: number;
  /** `%d` is the connection's channel. */
  readonly path: string;
  readonly channels?: number;
  readonly channelsPerReader?: number;
  readonly stalled?: number;
  /** Counts from the first connect until each connection has so many messages. */
  readonly expect?: number;
}

export interface Load extends AsyncDisposable {
  readonly opened: Opened;
  /** Arms the counters, calls `publish`, and waits for every reader to have `messages`. */
  receive(messages: number, seconds: number, publish: () => unknown): Promise<Received>;
  /** What came while connecting, with `expect`. */
  received(): Promise<Received>;
}

/** Opens connections from the generator's core. */
export async function openLoad(options: LoadOptions): Promise<Load> {
  const { cpu, port, connections, path, channels, channelsPerReader, stalled, expect } = options;
  const args = ["--port", port, "--count", connections, "--path", path];
  if (channels !== undefined) args.push("--channels", channels);
  if (channelsPerReader !== undefined) args.push("--per-reader", channelsPerReader);
  if (stalled !== undefined) args.push("--stalled", stalled);
  if (expect !== undefined) args.push("--expect", expect);
  const generator: Helper = helper(start(cpu, [native("loadgen"), ...args.map(String)]));
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
