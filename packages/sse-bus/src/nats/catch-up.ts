/** A consumer's way to the head that the log had when it started. */
export interface CatchUp {
  /** The last position that it has to come to. */
  readonly seq: number;
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
  // Nobody may be waiting for it.
  promise.catch(() => {});
  return { seq, promise, resolve, reject };
}
