/** What a {@link Recency} holds. Both are its own, and `undefined` outside of one. */
export interface Aged<Item> {
  older: Item | undefined;
  newer: Item | undefined;
}

/**
 * Items in the order of their last use, as a list through the items themselves.
 *
 * Not a `Set` to delete from and add to: V8 leaves a deleted entry in its hash chain until the table
 * is rebuilt, and every `add` of the same item walks past all of them. Among 100,000 channels, one
 * that is published to again and again would cost tens of microseconds a message.
 */
export interface Recency<Item extends Aged<Item>> {
  readonly size: number;
  /** Makes the item the most recently used, and a member. */
  touch(item: Item): void;
  /** Idempotent. */
  delete(item: Item): void;
  clear(): void;
  /** Least recently used first. The item at hand may be deleted meanwhile. */
  [Symbol.iterator](): IterableIterator<Item>;
}

export function createRecency<Item extends Aged<Item>>(): Recency<Item> {
  let oldest: Item | undefined;
  let newest: Item | undefined;
  let size = 0;

  function unlink(item: Item): boolean {
    if (item !== oldest && item.older === undefined) return false;
    if (item.older) item.older.newer = item.newer;
    else oldest = item.newer;
    if (item.newer) item.newer.older = item.older;
    else newest = item.older;
    item.older = item.newer = undefined;
    size--;
    return true;
  }

  return {
    get size() {
      return size;
    },
    touch(item) {
      if (item === newest) return;
      unlink(item);
      item.older = newest;
      if (newest) newest.newer = item;
      else oldest = item;
      newest = item;
      size++;
    },
    delete: (item) => void unlink(item),
    clear() {
      while (oldest) unlink(oldest);
    },
    *[Symbol.iterator]() {
      for (let item = oldest; item;) {
        const { newer } = item;
        yield item;
        item = newer;
      }
    },
  };
}
