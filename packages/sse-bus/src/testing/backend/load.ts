import type { Instance } from "./instance.ts";
import type { TestPublished, TestMessage } from "./test-message.ts";
import type { Lab } from "./lab.ts";
import { startTimeout } from "../../core/timers.ts";

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
export function publishLoad(
  lab: Lab,
  instances: readonly Instance[],
  options: LoadOptions,
): Promise<TestPublished[]> {
  const { channels, publishers = 3, messages, message, until = () => false } = options;
  const published: TestPublished[] = [];
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
  return inBackground(Promise.all(runs).then(() => published));
}

/** Publishes one after the other. */
export function publishEach(
  instance: Instance,
  channels: readonly string[],
  message?: TestMessage,
): Promise<TestPublished[]> {
  const publish = async (): Promise<TestPublished[]> => {
    const published: TestPublished[] = [];
    for (const channel of channels) published.push(await instance.publish(channel, message));
    return published;
  };
  return inBackground(publish());
}

export function repeat<T>(value: T, times: number): T[] {
  return Array.from({ length: times }, () => value);
}

/** No event shows that something did not happen: waits long enough for what must not arrive. */
export async function nothingHappens(): Promise<void> {
  await new Promise((resolve) => startTimeout(resolve, 50));
}

/**
 * Lets a promise run on while the test does something else. A failure is heard of where it is
 * awaited; in a test that fails before that, it must not crash the process.
 */
function inBackground<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** One turn of the event loop, timers and sockets included. */
export async function eventLoop(): Promise<void> {
  await new Promise((resolve) => startTimeout(resolve, 0));
}

/** Publishes on and on, from every instance, through whatever outages there are. */
export function keepPublishing(
  lab: Lab,
  instances: readonly Instance[],
  channels: readonly string[],
): { readonly published: TestPublished[]; finish(): Promise<void> } {
  const published: TestPublished[] = [];
  const state = { isDone: false };
  const runs = instances.map(async (instance) => {
    while (!state.isDone) {
      published.push(await instance.insist(lab.random.pick(channels)));
      lab.changed();
      await eventLoop();
    }
  });
  const all = inBackground(Promise.all(runs));
  return {
    published,
    async finish() {
      state.isDone = true;
      await all;
    },
  };
}
