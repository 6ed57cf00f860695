import type { IncomingMessage } from "node:http";
import { createPresenceView } from "../../packages/sse-bus/test/support/presence-view.ts";
import { parseResponse, requestStream } from "../support/stream-response.ts";

/** A page: one stream at a time, which reconnects by itself when it is cut. */
export interface Tab {
  readonly user: string;
  /** Whether the page is open. */
  readonly isOpen: boolean;
  /** The members that it shows; `undefined` while it has no set. */
  ids(): string | undefined;
  /** Members that have left while it watched. */
  readonly left: ReadonlySet<string>;
  /** The instance that its stream is, or was last, open on. */
  readonly url: string;
  /** The longest time that it was without a stream since it opened, in ms. It may be without one now. */
  readonly longestGapMs: number;
  /** Closes its stream and opens another one, as a reload does. */
  reload(url: string): Promise<void>;
  close(): void;
}

export interface TabOptions {
  readonly channel: string;
  readonly user: string;
  /** The instance for the next stream: any that is alive, as a load balancer chooses it. */
  readonly pick: () => string;
  /** Whether it asks for the members. @default true */
  readonly isWatching?: boolean;
}

/** Opens a page, and resolves when its stream is open. */
export async function openTab(options: TabOptions): Promise<Tab> {
  const { channel, user, pick, isWatching = true } = options;
  const left = new Set<string>();
  let isOpen = true;
  let current: IncomingMessage | undefined;
  let view = createPresenceView(channel);
  /** A page has one stream: of several attempts at once, the newest counts. */
  let attempt = 0;
  let currentUrl = "";
  let lostAt = Number.POSITIVE_INFINITY;
  let longestGapMs = 0;

  async function connect(url: string): Promise<void> {
    const own = ++attempt;
    const query = new URLSearchParams({ channel, user, ...(isWatching && { presence: channel }) });
    const response = await requestStream(`${url}/sse?${query}`);
    if (!isOpen || own !== attempt) return void response.destroy();
    longestGapMs = Math.max(longestGapMs, performance.now() - lostAt);
    lostAt = Number.POSITIVE_INFINITY;
    currentUrl = url;
    const ownView = (view = createPresenceView(channel));
    current = response;
    parseResponse(response, {
      onEvent(event) {
        ownView.take(event);
        for (const id of ownView.left) left.add(id);
      },
    });
    response.once("close", () => {
      if (!isOpen || own !== attempt) return;
      lostAt = performance.now();
      void reconnect();
    });
  }

  async function reconnect(): Promise<void> {
    for (;;) {
      const own = attempt + 1;
      try {
        await connect(pick());
        return;
      } catch {
        // The instance was killed in between; another one answers.
        await new Promise((resolve) => setTimeout(resolve, 20));
        if (!isOpen || own !== attempt) return;
      }
    }
  }

  await reconnect();

  return {
    user,
    get isOpen() {
      return isOpen;
    },
    ids: () => view.ids(),
    left,
    get url() {
      return currentUrl;
    },
    get longestGapMs() {
      return Math.max(longestGapMs, performance.now() - lostAt);
    },
    async reload(url) {
      attempt++;
      lostAt = performance.now();
      current?.destroy();
      await connect(url).catch(reconnect);
    },
    close() {
      isOpen = false;
      current?.destroy();
    },
  };
}
