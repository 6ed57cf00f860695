/**
 * Reads the cursor of the head, then runs `load`: whatever is published while `load` runs, or after it, comes
 * after that cursor. Give the cursor to `useRefresh`, and the page misses no change of its data.
 *
 * `load` must read what has been committed, for example not from a replica that is behind.
 *
 * @throws SseBusError `CURSOR_AT_BUILD` while `next build` prerenders the page, `BACKEND_UNAVAILABLE`,
 * `BUS_CLOSED`, `INVALID_OPTION`; and what `load` throws
 * @example
 * ```ts
 * const { data, cursor } = await bus.snapshot(() => db.query("SELECT * FROM orders"));
 * ```
 */
export type ReadSnapshot = <Data>(
  load: () => Data | PromiseLike<Data>,
) => Promise<DataSnapshot<Awaited<Data>>>;

/** The result of {@link ReadSnapshot}. */
export interface DataSnapshot<Data> {
  readonly data: Data;
  /** A stream that starts here misses no message that was published since `data` was loaded. */
  readonly cursor: string;
}
