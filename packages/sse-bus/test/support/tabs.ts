import { BroadcastChannel as NodeChannel } from "node:worker_threads";

import type { ClientHost } from "../../src/client/client-host.ts";

/**
 * Tabs of one browser in one process: Web Locks as the standard defines them, real BroadcastChannels, and
 * all ways in which a tab can end or stop.
 */
export interface Browser {
  openTab(): Tab;
}

export interface Tab {
  readonly host: ClientHost;
  /** The tab crashes: its locks are released, and its channels are closed. */
  kill(): void;
  /** The tab stops until `thaw()`: it keeps its locks, but receives and sends nothing. */
  hang(): void;
  thaw(): void;
  /** The browser loses or regains its network. */
  setOnline(isOnline: boolean): void;
  /** The browser reports that it uses another network. */
  changeNetwork(): void;
  /** Dispatches an event on its window. */
  dispatch(type: string): void;
  /** The number of its channels, event listeners, and locks that it holds or waits for. */
  holdings(): number;
}

interface LockRequest {
  readonly tab: symbol;
  readonly callback: (lock: Lock | null) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** @param isSecure whether the pages use `https:`; without it there are no locks */
export function startBrowser({ isSecure = true } = {}): Browser {
  const held = new Map<string, LockRequest>();
  const queues = new Map<string, LockRequest[]>();

  const grantNext = (name: string): void => {
    if (held.has(name)) return;
    const next = queues.get(name)?.shift();
    if (!next) return;
    held.set(name, next);
    // The callback runs in its own task, as in a browser, where another process grants locks.
    setImmediate(() => {
      if (held.get(name) !== next) return;
      void (async () => next.callback({ name, mode: "exclusive" }))().then(
        (value) => release(name, next, () => next.resolve(value)),
        (error: unknown) => release(name, next, () => next.reject(error)),
      );
    });
  };

  const release = (name: string, request: LockRequest, settle: () => void): void => {
    if (held.get(name) === request) held.delete(name);
    settle();
    grantNext(name);
  };

  const requestLock = (
    tab: symbol,
    name: string,
    options: LockOptions,
    callback: LockRequest["callback"],
  ): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const { signal, steal } = options;
      if (signal?.aborted) return reject(signal.reason as Error);
      const request: LockRequest = { tab, callback, resolve, reject };
      const queue = queues.get(name) ?? [];
      queues.set(name, queue);
      if (steal) {
        held.get(name)?.reject(new DOMException("The lock was stolen", "AbortError"));
        held.delete(name);
        queue.unshift(request);
      } else {
        queue.push(request);
      }
      signal?.addEventListener("abort", () => {
        const index = queue.indexOf(request);
        if (index < 0) return;
        queue.splice(index, 1);
        reject(signal.reason as Error);
      });
      grantNext(name);
    });

  return {
    openTab() {
      const id = Symbol("tab");
      const channels = new Set<NodeChannel>();
      const events = new EventTarget();
      const network = new EventTarget();
      let listeners = 0;
      let isOnline = true;
      let isDead = false;
      let isHanging = false;
      let heldUp: (() => void)[] = [];

      const whenMoving = (act: () => void): void => {
        if (isDead) return;
        if (isHanging) heldUp.push(act);
        else act();
      };

      class TabChannel {
        readonly #channel: NodeChannel;
        onmessage: ((event: MessageEvent) => void) | null = null;

        constructor(name: string) {
          this.#channel = new NodeChannel(name);
          channels.add(this.#channel);
          // oxlint-disable-next-line unicorn/prefer-add-event-listener -- it is no EventTarget
          this.#channel.onmessage = (event) => {
            whenMoving(() => this.onmessage?.(event as unknown as MessageEvent));
          };
        }

        postMessage(message: unknown): void {
          whenMoving(() => {
            // oxlint-disable-next-line unicorn/require-post-message-target-origin -- it has none
            if (channels.has(this.#channel)) this.#channel.postMessage(message);
          });
        }

        close(): void {
          channels.delete(this.#channel);
          this.#channel.close();
        }
      }

      const listening = (target: EventTarget) => ({
        addEventListener(...args: Parameters<EventTarget["addEventListener"]>) {
          listeners++;
          target.addEventListener(...args);
        },
        removeEventListener(...args: Parameters<EventTarget["removeEventListener"]>) {
          listeners--;
          target.removeEventListener(...args);
        },
      });

      const host = {
        BroadcastChannel: TabChannel as unknown as typeof BroadcastChannel,
        navigator: {
          get onLine() {
            return isOnline;
          },
          connection: listening(network),
          locks: isSecure
            ? ({
                request: (name: string, options: LockOptions, callback: LockRequest["callback"]) =>
                  requestLock(id, name, options, callback),
              } as unknown as LockManager)
            : undefined,
        },
        location: new URL("http://127.0.0.1/"),
        ...listening(events),
      } satisfies ClientHost;

      return {
        host,
        kill() {
          isDead = true;
          for (const channel of channels) channel.close();
          channels.clear();
          for (const queue of queues.values()) {
            queue.splice(0, queue.length, ...queue.filter(({ tab }) => tab !== id));
          }
          for (const [name, request] of held) {
            if (request.tab !== id) continue;
            held.delete(name);
            grantNext(name);
          }
        },
        hang() {
          isHanging = true;
        },
        thaw() {
          isHanging = false;
          const acts = heldUp;
          heldUp = [];
          for (const act of acts) act();
        },
        setOnline(now) {
          isOnline = now;
          events.dispatchEvent(new Event(isOnline ? "online" : "offline"));
        },
        changeNetwork() {
          network.dispatchEvent(new Event("change"));
        },
        dispatch(type) {
          events.dispatchEvent(new Event(type));
        },
        holdings() {
          const requests = [...held.values(), ...[...queues.values()].flat()];
          return channels.size + listeners + requests.filter(({ tab }) => tab === id).length;
        },
      };
    },
  };
}
