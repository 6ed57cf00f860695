import { useSyncExternalStore } from "react";

/** A text in `localStorage` that all windows of the browser share. */
export interface Stored {
  read(): string | undefined;
  write(value: string): void;
  /** `undefined` on the server and during hydration, and until something is written. */
  use(): string | undefined;
}

/** Where storage is blocked, each window keeps its own value. */
export function stored(key: string): Stored {
  const listeners = new Set<() => void>();
  let fallback: string | undefined;

  function read(): string | undefined {
    try {
      return localStorage.getItem(key) ?? fallback;
    } catch {
      return fallback;
    }
  }

  function subscribe(listener: () => void): () => void {
    const onStorage = (event: StorageEvent): void => {
      if (event.key === key || event.key === null) listener();
    };
    listeners.add(listener);
    addEventListener("storage", onStorage);
    return () => {
      listeners.delete(listener);
      removeEventListener("storage", onStorage);
    };
  }

  return {
    read,
    write(value) {
      fallback = value;
      try {
        localStorage.setItem(key, value);
      } catch {
        // Storage is blocked, for example in a private window.
      }
      // The `storage` event only reaches the other windows.
      for (const listener of listeners) listener();
    },
    use: () => useSyncExternalStore(subscribe, read, () => undefined),
  };
}
