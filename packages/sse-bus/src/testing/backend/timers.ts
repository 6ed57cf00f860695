/** Timers set since, and not yet cleared or fired. */
export interface WatchedTimers {
  active(): number;
  restore(): void;
}

/**
 * Counts timers by standing in for the global functions: a timer without a reference keeps no
 * process alive and shows nowhere else, and leaks its closure all the same.
 */
export function watchTimers(): WatchedTimers {
  const { setTimeout, setInterval, clearTimeout, clearInterval } = globalThis;
  const active = new Set<unknown>();

  const clear = (original: (timer: never) => void) => (timer: unknown) => {
    active.delete(timer);
    original(timer as never);
  };
  Object.assign(globalThis, {
    setTimeout: Object.assign(
      (run: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
        const timer = setTimeout(() => {
          active.delete(timer);
          run(...args);
        }, ms);
        active.add(timer);
        return timer;
      },
      setTimeout,
    ),
    setInterval: (run: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
      const timer = setInterval(run, ms, ...args);
      active.add(timer);
      return timer;
    },
    clearTimeout: clear(clearTimeout),
    clearInterval: clear(clearInterval),
  });
  return {
    active: () => active.size,
    restore: () =>
      void Object.assign(globalThis, { setTimeout, setInterval, clearTimeout, clearInterval }),
  };
}
