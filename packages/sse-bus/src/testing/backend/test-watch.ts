/** How one test waits, and how it learns of broken rules. */
export interface TestWatch {
  readonly timeoutMs: number;
  /** Resolves once `probe` is true; fails with `what` when it takes too long. */
  until(what: string, probe: () => boolean): Promise<void>;
  /** Fails when `promise` takes too long. */
  within<T>(what: string, promise: Promise<T>): Promise<T>;
  /** Something arrived: {@link until} looks again. */
  changed(): void;
  /** A MUST was broken where nothing can be thrown; the test fails with the first one. */
  violated(message: string): void;
  /** A value that no other message of this test has. */
  nextValue(): number;
}
