import { backoffMs } from "./backoff.ts";
import { type Link, type LinkHandlers, type LinkOptions, openLink } from "./link.ts";
import { attaches, type ErrorRecord, type HubMessage, type TroubleMessage } from "./protocol.ts";
import { matcherOf } from "./topic.ts";
import { joinWishes, type Wish } from "./wish.ts";
import { startTimeout } from "../core/timers.ts";

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

/** What is read of problem details. Another server's `channels` may be anything. */
interface Problem {
  readonly status: number;
  readonly channels?: Partial<readonly string[]> | null;
}

export function createHub(options: LinkOptions, tell: (message: HubMessage) => void): Hub {
  const { backoff = {} } = options;
  const tabs = new Map<string, Wish>();
  /** Serves the tabs; it is open. */
  let main: Link | undefined;
  /** Becomes the main link with its `hello`. */
  let next: Link | undefined;
  /** What the main link has handed over; outlives it. */
  let cursor = "";
  /** How long the main link may be silent. */
  let silenceMs = 0;
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
  /** The next update: as soon as wishes are collected (0), after a wait (1), or one as told (2). */
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waiting = 0;

  /** Sees to it that the main link, or the next one, serves all wishes. */
  const update = (narrow?: boolean): void => {
    if (waiting) return;
    const [keys, from, isServed] = joinWishes(tabs.values(), cursor);
    wished = keys.join();
    if (wished === refused) return;
    if (refused) retry();

    const hasAll = (link: Link): boolean => keys.every((key) => link.keys.includes(key));
    if (!wished) {
      closeLinks();
      cursor = "";
    } else if (
      main &&
      hasAll(main) &&
      from === cursor &&
      !(narrow && main.keys.length > keys.length)
    ) {
      if (next && !hasAll(next)) next = next.close();
      if (!isServed) announce(main, cursor, cursor);
    } else if (!next || !hasAll(next) || !attaches(from, next.from)) {
      next?.close();
      next = open(keys, from);
    }
  };

  const open = (keys: readonly string[], from: string): Link => {
    const isRefused = refresh === 1;
    if (refresh) refresh = 2;
    return openLink(options, [keys, from, isRefused], [onHello, onBlock, onRetry, onEnd]);
  };

  const onHello: LinkHandlers[0] = (link, at, ms, head = at, channels) => {
    main?.close();
    main = link;
    next = undefined;
    silenceMs = ms;
    const { keys } = link;
    // A channel is granted if `hello` lists it, a pattern if it lists at least something of it.
    granted = link.keys = keys.filter(
      (key) => channels?.some((name) => matcherOf(key).test(name)) ?? true,
    );
    const denied = keys.filter((key) => !granted.includes(key));
    cursor = at;
    refresh = 0;
    trouble = undefined;
    announce(link, link.from || at, head);
    if (denied.length) deny(denied, ["STREAM_REFUSED", "Refused."]);
    collect();
  };

  const onBlock: LinkHandlers[1] = (link, at, channel, event, data) => {
    if (link !== main) return;
    if (event === "bye") {
      const { reason, retryMs: waitMs = 0 } = JSON.parse(data);
      // `retry:` of this block is for a native EventSource, which a proxy's 502 would end for ever.
      retryMs = waitMs;
      link.keys = [];
      if (reason === "unauthorized") refresh = 1;
      if (!waiting) wait(waitMs, 2);
      return;
    }
    tell(["block", at, channel, event, data]);
    // Last: the cursor passes a message only after its listeners ran.
    cursor = at;
    if (event === "ping") {
      attempt = 0;
      // Who died cannot say so; who unsubscribed may soon have subscribed again.
      for (const [tab, wish] of tabs) {
        if (wish[2]) wish[2] = false;
        else tabs.delete(tab);
      }
      update(true);
    }
  };

  const onRetry = (ms: number): void => {
    retryMs = ms;
  };

  const onEnd: LinkHandlers[3] = (link, error, waitMs) => {
    if (link === main) main = undefined;
    else next = undefined;
    if (error[0] === "STREAM_REFUSED") {
      refuse(link.keys, error);
      return;
    }
    if (!waiting && !next) {
      wait(backoffMs(attempt++, waitMs ?? retryMs, backoff), waitMs ? 2 : 1);
    }
    if (!main) tell((trouble = ["lost", error, retryAt]));
  };

  const announce = ({ keys }: Link, from: string, head: string): void => {
    for (const wish of tabs.values()) wish[1] = null;
    tell(["hello", keys, from, cursor, head, silenceMs]);
  };

  const refuse = (keys: readonly string[], error: ErrorRecord): void => {
    const { status, channels } = (error[2] as { cause: Problem }).cause;
    if ((status === 401 || status === 403) && typeof options.token === "function" && !refresh) {
      refresh = 1;
      update();
      return;
    }
    // What is not refused, or, where the server does not tell, what had been granted before, is not to
    // suffer from what is.
    if (channels) granted = keys.filter((key) => !channels.includes?.(key));
    const denied = keys.filter((key) => !granted.includes(key));
    if (denied.length && denied.length < keys.length) {
      deny(denied, error);
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

  const wait = (ms: number, how: number): void => {
    clearTimeout(timer);
    retryAt = Date.now() + ms;
    waiting = how;
    timer = startTimeout(proceed, ms);
  };

  const proceed = (): void => {
    clearTimeout(timer);
    timer = undefined;
    waiting = 0;
    update();
  };

  const collect = (): void => {
    // While a link is up, there is time for what else is wished in a moment.
    timer ??= startTimeout(proceed, main ? 10 : 0);
  };

  const check = (): void => {
    main?.check();
    if (waiting < 2) proceed();
  };

  const closeLinks = (): void => {
    main = main?.close();
    next = next?.close();
  };

  return {
    check,
    wish(tab, wish) {
      if (trouble && !tabs.has(tab)) tell(trouble);
      tabs.set(tab, wish);
      collect();
    },
    renew() {
      refresh = 0;
      if (main) main.keys = [];
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
