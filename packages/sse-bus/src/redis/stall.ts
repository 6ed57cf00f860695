/**
 * Tells, at each call, whether this process itself stood still since the last one. Answers that came
 * meanwhile are still unread then, and a server that has long answered would be taken for dead.
 *
 * @param intervalMs how often it is called when nothing stands still
 */
export function createStallCheck(intervalMs: number, now: () => number): () => boolean {
  let last = now();
  return () => {
    const late = now() - last > 1.5 * intervalMs;
    last = now();
    return late;
  };
}
