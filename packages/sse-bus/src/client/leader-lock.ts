/** A tab's place in the queue for a Web Lock. */
export interface LeaderLock {
  /** Takes the lock by force from the tab that holds it. */
  steal(): void;
  /** Leaves the queue, or releases the lock. */
  release(): void;
}

export interface LeaderLockHandlers {
  /** This tab holds the lock, until `release()`. */
  onGranted(): void;
  /** Another tab has stolen the lock. This tab is in the queue again. */
  onStolen(): void;
  /** Locks may not be used here, for example in a sandboxed frame. */
  onForbidden(): void;
}

export function queueForLock(
  locks: Pick<LockManager, "request">,
  name: string,
  { onGranted, onStolen, onForbidden }: LeaderLockHandlers,
): LeaderLock {
  let queue = new AbortController();
  let isReleased = false;
  let resolve: (() => void) | undefined;

  const request = (options: LockOptions): void => {
    locks
      .request(name, options, () => {
        if (isReleased) return undefined;
        return new Promise<void>((resolveReleased) => {
          resolve = resolveReleased;
          onGranted();
        });
      })
      .catch((error: Error) => {
        if (isReleased || options.signal?.aborted) return;
        if (error.name !== "AbortError") return onForbidden();
        request({ signal: queue.signal });
        onStolen();
      });
  };
  request({ signal: queue.signal });

  return {
    steal() {
      queue.abort();
      queue = new AbortController();
      request({ steal: true });
    },
    release() {
      isReleased = true;
      queue.abort();
      resolve?.();
    },
  };
}
