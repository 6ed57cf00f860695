import { startTimeout } from "../core/timers.ts";

/** Runs what calls `resolve` or throws, with a deadline. */
export async function inTime(
  what: string,
  ms: number,
  run: (resolve: () => void) => Promise<void>,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      timer = startTimeout(() => reject(new Error(`No sign of ${what} in ${ms} ms`)), ms);
      run(resolve).catch(reject);
    });
  } finally {
    clearTimeout(timer);
  }
}
