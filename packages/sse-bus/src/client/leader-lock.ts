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
  /** Aborted when the lock is released, or this tab leaves its queue. */
  let place = new AbortController();
  let release: (() => void) | undefined;

  const request = (steal?: boolean): void => {
    place.abort();
    place = new AbortController();
    const { signal } = place;
    locks
      .request(name, steal ? { steal } : { signal }, () => {
        if (signal.aborted) return undefined;
        return new Promise<void>((resolve) => {
          release = resolve;
          onGranted();
        });
      })
      .catch((error: Error) => {
        if (signal.aborted) return;
        if (error.name !== "AbortError") return onForbidden();
        request();
        onStolen();
      });
  };
  request();

  return {
    steal: () => request(true),
    release() {
      place.abort();
      release?.();
    },
  };
}
