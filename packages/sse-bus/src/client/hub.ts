import { backoffMs } from "./backoff.ts";
import { type Link, type LinkHandlers, type LinkOptions, openLink } from "./link.ts";
import { attaches, type ErrorRecord, type HubMessage, type TroubleMessage } from "./protocol.ts";
import { matcherOf } from "./topic.ts";
import { joinWishes, type Wish } from "./wish.ts";
import { startTimeout } from "../core/timers.ts";

/** Keeps a link that serves what all tabs of a group wish. See SPEC.md, "One link for all". */
export interface Hub {
  /** All that a tab wishes; told anew at least at every `ping`. */
  wish(tab: string, wish: Wish): void;
  /** What the tabs wish. */
  keys(): readonly string[];
  /** Finds a dead line now, and ends a wait, unless the server asked for it. */
  check(): void;
  /** Asks anew for everything, with fresh credentials: make before break. */
  renew(): void;
  close(): void;
}

/** Whom a hub tells. */
export interface HubHandlers {
  tell(message: HubMessage): void;
  /** A server takes fewer channels at once. The wishes are told anew then. */
  onTooMuch(keys: readonly string[]): void;
  /** Whether nobody wishes anything of another hub of this client. */
  isAlone(): boolean;
}

/** What is read of problem details. Another server's may have anything in them. */
interface Problem {
  readonly status: number;
  readonly code?: unknown;
  readonly channels?: Partial<readonly string[]> | null;
}

/** No attempt follows another faster than this while the browser calls itself offline. */
const OFFLINE_MS = 10_000;

export function createHub(options: LinkOptions, { tell, onTooMuch, isAlone }: HubHandlers): Hub {
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

  const keys = (): readonly string[] => joinWishes(tabs.values(), "")[0];

  /** Sees to it that the main link, or the next one, serves all wishes. */
  const update = (narrow?: boolean): void => {
    if (waiting) return;
    const [wanted, from, isServed] = joinWishes(tabs.values(), cursor);
    const wasIdle = !wished;
    wished = wanted.join();
    if (wished === refused) return;
    if (refused) retry();

    const hasAll = (link: Link): boolean => wanted.every((key) => link.keys.includes(key));
    if (!wished) {
      closeLinks();
      cursor = "";
      trouble = undefined;
      if (!wasIdle) tell(["idle"]);
    } else if (
      main &&
      hasAll(main) &&
      from === cursor &&
      !(narrow && main.keys.length > wanted.length)
    ) {
      if (next && !hasAll(next)) next = next.close();
      if (!isServed) announce(main, cursor, cursor);
    } else if (!next || !hasAll(next) || !attaches(from, next.from)) {
      next?.close();
      next = open(wanted, from);
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
      const isRevoked = reason === "revoked";
      if (isRevoked && typeof options.token !== "function") {
        return fail(["STREAM_REFUSED", "Revoked."]);
      }
      if (isRevoked || reason === "unauthorized") refresh = 1;
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
        if (wish[1]) wish[1] = false;
        else tabs.delete(tab);
      }
      update(true);
    }
  };

  const onRetry = (ms: number): void => {
    retryMs = ms;
  };

  const onEnd: LinkHandlers[3] = (link, error, waitMs) => {
    const { keys } = link;
    const { status, code, channels } = (error[2]?.cause ?? {}) as Partial<Problem>;
    // Some proxies say no more of a request that is too long.
    const isTooLong = status === 400 && !code && keys.join().length > 2_000;
    if (link === main) main = undefined;
    else next = undefined;

    const isUnauthorized = status === 401 || status === 403;
    if (isUnauthorized && typeof options.token === "function" && !refresh) {
      refresh = 1;
      update();
    } else if (
      keys.length > 1 &&
      (code === "TOO_MANY_CHANNELS" || status === 414 || status === 431 || isTooLong)
    ) {
      onTooMuch(keys);
      tabs.clear();
      retry();
    } else if (error[0] === "STREAM_REFUSED") {
      refuse(keys, error, channels);
    } else {
      if (isUnauthorized) refresh = 1;
      if (!waiting && !next) {
        const isOffline = options.host?.navigator?.onLine === false;
        const floorMs = Math.max(waitMs ?? retryMs, isOffline ? OFFLINE_MS : 0);
        wait(backoffMs(attempt++, floorMs, backoff), waitMs ? 2 : 1);
      }
      if (!main) tell((trouble = ["lost", error, retryAt]));
    }
  };

  const announce = ({ keys }: Link, from: string, head: string): void => {
    for (const [wanted] of tabs.values()) {
      for (const key of wanted.keys()) if (keys.includes(key)) wanted.set(key, null);
    }
    tell(["hello", keys, from, cursor, head, silenceMs]);
  };

  /**
   * What is not refused, or, where the server does not tell, what had been granted before, is not to
   * suffer from what is.
   */
  const refuse = (
    keys: readonly string[],
    error: ErrorRecord,
    channels: Problem["channels"],
  ): void => {
    if (channels) granted = keys.filter((key) => !channels.includes?.(key));
    const others = keys.filter((key) => !granted.includes(key));
    const denied = others.length ? others : keys;
    if (denied.length < keys.length || !isAlone()) {
      deny(denied, error);
      update();
    } else {
      fail(error);
    }
  };

  const deny = (keys: readonly string[], error: ErrorRecord): void => {
    for (const [wanted] of tabs.values()) keys.forEach((key) => wanted.delete(key));
    tell(["refuse", error, keys]);
  };

  const fail = (error: ErrorRecord): void => {
    closeLinks();
    refused = wished;
    tell((trouble = ["refuse", error]));
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
    keys,
    wish(tab, wish) {
      options.wasOpen ||= wish[2];
      if (trouble && !tabs.has(tab)) tell(trouble);
      tabs.set(tab, wish);
      // Nothing is waited for any more.
      if (!keys().length) proceed();
      else collect();
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
