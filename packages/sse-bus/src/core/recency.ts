/** An item of a {@link Recency}, which owns both links. They are `undefined` while the item is in no list. */
export interface Aged<Item> {
  older: Item | undefined;
  newer: Item | undefined;
}

/**
 * Items in the order of their last use: a doubly linked list whose links are in the items.
 *
 * A `Set` with `delete` and `add` would be slower. V8 keeps a deleted entry in its hash chain until it
 * rebuilds the table, and each `add` of the same item visits all of these entries. With 100,000 channels,
 * repeated publishes to one channel would cost tens of microseconds per message.
 */
export interface Recency<Item extends Aged<Item>> {
  readonly size: number;
  /** Makes the item the most recently used one. Adds it if it is not in the list. */
  touch(item: Item): void;
  /** Idempotent. */
  delete(item: Item): void;
  clear(): void;
  /** Least recently used first. The current item may be deleted during the iteration. */
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
