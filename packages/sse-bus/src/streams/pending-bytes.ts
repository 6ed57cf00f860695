import { joinBytes } from "../core/join-bytes.ts";
import { unfinishedBytes } from "./chunk-data.ts";

/** Bytes of a source that the log does not have yet. */
export interface PendingBytes {
  readonly size: number;
  /** There is more than a part of a character. */
  readonly hasWhole: boolean;
  add(bytes: Uint8Array): void;
  /**
   * Removes up to `max` bytes from the start, at least 4. It ends between two characters; if all that there is is a
   * part of a character, it is empty, unless `isLast` says that nothing follows.
   */
  take(max: number, isLast: boolean): Uint8Array;
}

export function createPendingBytes(): PendingBytes {
  let pieces: Uint8Array[] = [];
  let size = 0;

  return {
    get size() {
      return size;
    },
    get hasWhole() {
      return size > 3 || unfinishedBytes(joinBytes(pieces)) < size;
    },
    add(bytes) {
      pieces.push(bytes);
      size += bytes.length;
    },
    take(max, isLast) {
      const all = joinBytes(pieces);
      const isAll = max >= all.length;
      const head = all.subarray(0, max);
      const cut = isAll && isLast ? head.length : head.length - unfinishedBytes(head);
      pieces = cut < all.length ? [all.subarray(cut)] : [];
      size = all.length - cut;
      return all.subarray(0, cut);
    },
  };
}
