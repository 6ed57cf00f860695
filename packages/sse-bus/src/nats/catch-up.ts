/** The consumer's way to the head that the log had when the consumer started. */
export interface CatchUp {
  /** That head. */
  readonly seq: number;
  /** Settles once, when the consumer is there, or broken before that. */
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

export function createCatchUp(seq: number): CatchUp {
  let resolve = (): void => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<void>((resolved, rejected) => {
    resolve = resolved;
    reject = rejected;
  });
  // Not every caller waits for it, and an unhandled rejection would end the process.
  promise.catch(() => {});
  return { seq, promise, resolve, reject };
}
