import type { Backend } from "../../core/backend.ts";
import { check, fail } from "./check.ts";
import { createInstance, type Instance, type TestHistory } from "./instance.ts";
import type { BackendTestOptions } from "./options.ts";
import { createRandom, type Random } from "./random.ts";
import type { TestWatch } from "./test-watch.ts";
import { startTimeout } from "../../core/timers.ts";

/** Where one test runs: a log of its own, instances on it, and the faults that it can cause. */
export interface Lab extends TestWatch {
  readonly random: Random;
  /** Another instance on the log, not opened. */
  connect(history?: TestHistory): Promise<Instance>;
  /** Another instance on the log, opened. */
  open(history?: TestHistory): Promise<Instance>;
  /** A bus uses this backend now: it is closed through the bus. */
  adopt(backend: Backend, close: () => Promise<void>): void;
  readonly stop: () => Promise<void>;
  readonly start: () => Promise<void>;
  readonly cut: (instance: Instance) => Promise<void>;
  readonly mend: (instance: Instance) => Promise<void>;
  readonly loseData: () => Promise<void>;
  readonly deleteMessages: (channel: string) => Promise<void>;
}

/** Runs one test in a new lab, and closes everything however it ends. */
export async function runInLab<Log>(
  options: BackendTestOptions<Log>,
  run: (lab: Lab) => Promise<void>,
): Promise<void> {
  const { timeoutMs = 10_000, seed = Math.floor(Math.random() * 0xffff_ffff) } = options;
  const log = await options.createLog();
  const instances: Instance[] = [];
  let violation: string | undefined;
  let lastValue = 0;
  let wake = (): void => {};
  let woken: Promise<void> | undefined;

  const throwViolation = (): void => {
    if (violation !== undefined) fail(violation);
  };

  const lab: Lab = {
    random: createRandom(seed),
    timeoutMs,
    async connect(history) {
      const backend = await options.connect(log);
      const instance = createInstance(lab, backend, history);
      instances.push(instance);
      return instance;
    },
    async open(history) {
      const instance = await lab.connect(history);
      await lab.within("open()", instance.open());
      return instance;
    },
    adopt(backend, close) {
      const owner = instances.findLast((each) => each.backend === backend);
      if (owner) owner.close = close;
    },
    async until(what, probe) {
      const deadline = Date.now() + timeoutMs;
      while (!probe()) {
        throwViolation();
        if (Date.now() > deadline) fail(`${what}: not within ${timeoutMs} ms.`);
        woken ??= new Promise((resolve) => (wake = resolve));
        // Most things announce themselves; a moving `head()` does not and has to be looked at.
        await raceTimer(woken, 20);
      }
      throwViolation();
    },
    async within(what, promise) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = startTimeout(
          () => reject(new Error(`${what} took more than ${timeoutMs} ms.`)),
          timeoutMs,
        );
      });
      return Promise.race([promise, late]).finally(() => clearTimeout(timer));
    },
    changed() {
      woken = undefined;
      wake();
    },
    violated(message) {
      violation ??= message;
      lab.changed();
    },
    nextValue: () => ++lastValue,
    stop: async () => given(options.outage, "outage").stop(log),
    start: async () => given(options.outage, "outage").start(log),
    cut: async ({ backend }) => given(options.partition, "partition").cut(log, backend),
    mend: async ({ backend }) => given(options.partition, "partition").mend(log, backend),
    loseData: async () => given(options.loseData, "loseData")(log),
    deleteMessages: async (channel) =>
      given(options.deleteMessages, "deleteMessages")(log, channel),
  };

  let failure: unknown;
  try {
    await run(lab);
    throwViolation();
  } catch (error) {
    failure = violation === undefined ? error : new Error(violation);
  }
  for (const instance of instances) {
    await lab.within("close()", instance.close()).catch((error: unknown) => (failure ??= error));
  }
  await options.deleteLog?.(log);
  if (failure === undefined) return;
  const { message } = failure as Error;
  throw new Error(`${message}\n  (seed: ${seed} repeats this schedule)`, { cause: failure });
}

function given<T>(fault: T | undefined, name: string): T {
  check(fault, `This test needs \`${name}\` of testBackend's options.`);
  return fault;
}

async function raceTimer(promise: Promise<void>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<void>((resolve) => (timer = startTimeout(resolve, ms)));
  await Promise.race([promise, timeout]).finally(() => clearTimeout(timer));
}
