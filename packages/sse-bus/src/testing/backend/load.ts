import type { Instance, Published, TestMessage } from "./instance.ts";
import type { Lab } from "./lab.ts";

export interface LoadOptions {
  readonly channels: readonly string[];
  /** Publishers at once, per instance; each awaits its own publishes one after the other. */
  readonly publishers?: number;
  /** Messages per publisher. */
  readonly messages: number;
  readonly message?: () => TestMessage;
  /** Ends early once this is true. */
  readonly until?: () => boolean;
}

/** Publishes from several instances at once, on channels chosen at random. */
export async function publishLoad(
  lab: Lab,
  instances: readonly Instance[],
  options: LoadOptions,
): Promise<Published[]> {
  const { channels, publishers = 3, messages, message, until = () => false } = options;
  const published: Published[] = [];
  const run = async (instance: Instance): Promise<void> => {
    for (let n = 0; n < messages && !until(); n++) {
      published.push(await instance.publish(lab.random.pick(channels), message?.()));
      // Backends that answer at once would otherwise never let another publisher in.
      if (lab.random.chance(0.2)) await eventLoop();
    }
  };
  const runs = instances.flatMap((instance) =>
    Array.from({ length: publishers }, async () => run(instance)),
  );
  await Promise.all(runs);
  return published;
}

/** Publishes one after the other. */
export async function publishEach(
  instance: Instance,
  channels: readonly string[],
  message?: TestMessage,
): Promise<Published[]> {
  const published: Published[] = [];
  for (const channel of channels) published.push(await instance.publish(channel, message));
  return published;
}

export function repeat<T>(value: T, times: number): T[] {
  return Array.from({ length: times }, () => value);
}

/** One turn of the event loop, timers and sockets included. */
export async function eventLoop(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
}

/** Publishes on and on, from every instance, through whatever outages there are. */
export function keepPublishing(
  lab: Lab,
  instances: readonly Instance[],
  channels: readonly string[],
): { readonly published: Published[]; finish(): Promise<void> } {
  const published: Published[] = [];
  const state = { isDone: false };
  const runs = instances.map(async (instance) => {
    while (!state.isDone) {
      published.push(await instance.insist(lab.random.pick(channels)));
      lab.changed();
      await eventLoop();
    }
  });
  const all = Promise.all(runs);
  // A failure is heard of at finish(); before that it must not crash the process.
  all.catch(() => {});
  return {
    published,
    async finish() {
      state.isDone = true;
      await all;
    },
  };
}
