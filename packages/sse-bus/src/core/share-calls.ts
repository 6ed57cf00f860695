/**
 * Shares one call among all callers that ask while another call is running. Each caller gets an
 * answer to a call that started after it asked.
 */
export function shareCalls<T>(call: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  let next: Promise<T> | undefined;

  function start(): Promise<T> {
    const mine = call();
    running = mine;
    const clear = (): void => {
      if (running === mine) running = undefined;
    };
    mine.then(clear, clear);
    return mine;
  }

  return () => {
    if (!running) return start();
    next ??= running
      .catch(() => {})
      .then(() => {
        next = undefined;
        return start();
      });
    return next;
  };
}
