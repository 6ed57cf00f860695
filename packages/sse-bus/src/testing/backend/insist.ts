import { startTimeout } from "../../core/timers.ts";

/** Asks again while the log cannot be reached. The first attempt is number 1. */
export async function insistOn<T>(
  timeoutMs: number,
  ask: (attempt: number) => Promise<T>,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask(attempt);
    } catch (error) {
      if (!isUnavailable(error) || Date.now() > deadline) throw error;
      await new Promise((resolve) => startTimeout(resolve, 20));
    }
  }
}

function isUnavailable(error: unknown): boolean {
  return (error as { code?: string }).code === "BACKEND_UNAVAILABLE";
}
