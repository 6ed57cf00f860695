import { perProcess } from "../../lib/per-process";

/** Fewer than all, so that one visitor's slow uploads leave room for those of others. */
const maxForEach = 2;

/**
 * Counts an upload that begins against its visitor's limit.
 *
 * @returns releases the slot; `undefined` if the visitor has none left
 */
export function takeUploadSlot(visitor: string): (() => void) | undefined {
  const taken = perProcess("uploads", () => new Map<string, number>());
  const count = taken.get(visitor) ?? 0;
  if (count >= maxForEach) return undefined;
  taken.set(visitor, count + 1);
  let isReleased = false;
  return () => {
    if (isReleased) return;
    isReleased = true;
    const left = (taken.get(visitor) ?? 0) - 1;
    if (left > 0) taken.set(visitor, left);
    else taken.delete(visitor);
  };
}
