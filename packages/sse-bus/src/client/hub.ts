import { backoffMs } from "./backoff.ts";
import { olderCursor } from "./cursor.ts";
import { openLink, type Link, type LinkOptions } from "./link.ts";
import {
  attaches,
  type ErrorRecord,
  type HubMessage,
  type TroubleMessage,
  type Wish,
} from "./protocol.ts";
import { matcherOf } from "./topic.ts";

/** Settings of a client, of which the hub reads the token anew for each request. */
export type HubOptions = Omit<LinkOptions, "refused" | `on${string}`>;

/** Keeps one link that serves what all tabs of a group wish. See SPEC.md, "One link for all". */
export interface Hub {
  /** All that a tab wishes; told anew at least at every `ping`. */
  wish(tab: string, wish: Wish): void;
  /** Finds a dead line now, and ends a wait, unless the server asked for it. */
  check(): void;
  /** Asks anew for everything, with fresh credentials: make before break. */
  renew(): void;
  close(): void;
}

/** How long wishes are collected while a link is up. */
const COLLECT_MS = 10;

export function createHub(options: HubOptions, tell: (message: HubMessage) => void): Hub {
  const { backoff = {} } = options;
  const tabs = new Map<string, Wish>();
  /** Tabs that have said something since the last `ping`. */
  const alive = new Set<string>();
  /** Serves the tabs; it is open. */
  let main: Link | undefined;
  /** Becomes the main link with its `hello`. */
  let next: Link | undefined;
  /** What the main link has handed over; outlives it. */
  let cursor = "";
  /** The channels of the last main link: what the server has granted. */
  let granted: readonly string[] = [];
  let attempt = 0;
  let retryMs = 0;
  let retryAt = 0;
  /** Fresh credentials are needed (1), or were asked for since the last `hello` (2). */
  let refresh = 0;
  /** All channels wished, and those that were when the server refused everything. */
  let wished = "";
  let refused: string | undefined;
  /** What a tab that joins now must know. */
  let trouble: TroubleMessage | undefined;
  /** The next update; only collecting wishes, waiting, or waiting as the server told. */
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waiting = 0;

  /** Sees to it that the main link, or the next one, serves all wishes. */
  const update = (narrow?: boolean): void => {
    if (waiting) return;
    const keys = new Set<string>();
    let from = cursor;
    let isAsked = false;
    for (const [tabKeys, tabFrom] of tabs.values()) {
      tabKeys.forEach((key) => keys.add(key));
      if (tabFrom === null) continue;
      from = olderCursor(from, tabFrom);
      isAsked = true;
    }
    const sorted = [...keys].sort();
    wished = sorted.join();
    if (wished === refused) return;
    if (refused !== undefined) retry();

    const hasAll = (link: Link): boolean => sorted.every((key) => link.keys.includes(key));
    if (!keys.size) {
      closeLinks();
      cursor = "";
    } else if (
      main &&
      !main.stale &&
      hasAll(main) &&
      from === cursor &&
      !(narrow && main.keys.length > keys.size)
    ) {
      next = next?.close();
      if (isAsked) announce(main, cursor, cursor);
    } else if (!next || !hasAll(next) || !attaches(from, next.from)) {
      next?.close();
      next = openLink(sorted, from, { ...options, ...handlers, refused: refresh === 1 });
      if (refresh) refresh = 2;
    }
  };

  const handlers: Pick<LinkOptions, "onHello" | "onBlock" | "onRetry" | "onEnd"> = {
    onHello(linkCursor, head, channels) {
      main?.close();
      const link = (main = next as Link);
      next = undefined;
      const denied = link.keys.filter((key) => !isGranted(key, channels));
      link.keys = link.keys.filter((key) => !denied.includes(key));
      cursor = linkCursor;
      granted = link.keys;
      refresh = 0;
      trouble = undefined;
      announce(link, link.from || cursor, head);
      if (denied.length) deny(denied, ["STREAM_REFUSED", `Not granted: ${denied}`]);
      collect();
    },

    onBlock(blockCursor, channel, event, data) {
      if (event === "bye") {
        const bye = JSON.parse(data);
        (main as Link).stale = true;
        if (bye.reason === "unauthorized") refresh = 1;
        if (!waiting) wait(bye.retryMs || 0, true);
        return;
      }
      tell(["block", blockCursor, channel, event, data]);
      // Last: the cursor passes a message only after its listeners ran.
      cursor = blockCursor;
      if (event === "ping") {
        attempt = 0;
        // Who died cannot say so; who unsubscribed may soon have subscribed again.
        for (const tab of tabs.keys()) if (!alive.delete(tab)) tabs.delete(tab);
        update(true);
      }
    },

    onRetry(ms) {
      retryMs = ms;
    },

    onEnd(link, error, waitMs) {
      if (link === main) main = undefined;
      else next = undefined;
      if (error[0] === "STREAM_REFUSED") {
        refuse(link, error);
        return;
      }
      if (!waiting && !next) {
        wait(backoffMs(attempt++, waitMs ?? retryMs, backoff), waitMs !== undefined);
      }
      if (!main) tell((trouble = ["lost", error, retryAt]));
    },
  };

  const announce = ({ keys, silenceMs }: Link, from: string, head: string): void => {
    for (const wish of tabs.values()) wish[1] = null;
    tell(["hello", keys, from, cursor, head, silenceMs]);
  };

  const refuse = ({ keys }: Link, error: ErrorRecord): void => {
    const { status } = (error[2]?.cause ?? {}) as { status?: number };
    if ((status === 401 || status === 403) && typeof options.token === "function" && !refresh) {
      refresh = 1;
      update();
      return;
    }
    // What had been granted before is not to suffer from what was added.
    const added = keys.filter((key) => !granted.includes(key));
    if (added.length && added.length < keys.length) {
      deny(added, error);
      update();
    } else {
      closeLinks();
      refused = wished;
      tell((trouble = ["refuse", error]));
    }
  };

  const deny = (keys: readonly string[], error: ErrorRecord): void => {
    for (const wish of tabs.values()) wish[0] = wish[0].filter((key) => !keys.includes(key));
    tell(["refuse", error, keys]);
  };

  const retry = (): void => {
    refused = trouble = undefined;
    tell(["retry"]);
  };

  const wait = (ms: number, isTold: boolean): void => {
    clearTimeout(timer);
    retryAt = Date.now() + ms;
    waiting = isTold ? 2 : 1;
    timer = setTimeout(proceed, ms);
  };

  const proceed = (): void => {
    clearTimeout(timer);
    timer = undefined;
    waiting = 0;
    update();
  };

  const check = (): void => {
    main?.check();
    if (waiting < 2) proceed();
  };

  const collect = (): void => {
    timer ??= setTimeout(proceed, main ? COLLECT_MS : 0);
  };

  const closeLinks = (): void => {
    main = main?.close();
    next = next?.close();
  };

  return {
    wish(tab, wish) {
      if (trouble && !tabs.has(tab)) tell(trouble);
      tabs.set(tab, wish);
      alive.add(tab);
      collect();
    },
    check,
    renew() {
      refresh = 0;
      if (main) main.stale = true;
      next = next?.close();
      retry();
      check();
    },
    close() {
      tabs.clear();
      closeLinks();
      clearTimeout(timer);
    },
  };
}

/** Whether `hello` lists the channel, or for a pattern, at least something of it. */
function isGranted(key: string, channels: unknown): boolean {
  return !Array.isArray(channels) || channels.some(matcherOf(key));
}
