/**
 * Returns a function for a timer to call. It returns true when this process itself was stopped since
 * the last call (a long computation, a suspended machine). Answers that arrived in that time are
 * still unread, so a missing answer says nothing about the server.
 *
 * @param intervalMs the period of the timer
 */
export function createStallCheck(intervalMs: number, now: () => number): () => boolean {
  let last = now();
  return () => {
    const hasStalled = now() - last > 1.5 * intervalMs;
    last = now();
    return hasStalled;
  };
}
