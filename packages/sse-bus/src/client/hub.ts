import { readAnswer } from "./answer.ts";
import { backoffMs } from "./backoff.ts";
import type { SseClientOptions } from "./client-types.ts";
import { resolveHeaders } from "./credentials.ts";
import { attaches, type ErrorRecord, type HubMessage, type TroubleMessage } from "./protocol.ts";
import { openStream, type StreamRequest } from "./stream.ts";
import { matcherOf } from "./topic.ts";
import { createWatchdog } from "./watchdog.ts";
import { joinWishes, type Wish } from "./wish.ts";

/** Settings of a client; the hub reads the token anew for each request. */
export interface HubOptions extends SseClientOptions {
  readonly url: string;
}

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

/** One response with an event stream, from its request to its end. */
interface Link {
  /** What it serves; nothing, once it is to be replaced. */
  keys: readonly string[];
  /** The cursor after which it was asked to start; `latest`, `earliest`, or empty: from now on. */
  readonly from: string;
  check: () => void;
  close: () => undefined;
}

/** What is read of problem details. Another server's `channels` may be anything. */
interface Problem {
  readonly status: number;
  readonly channels?: Partial<readonly string[]> | null;
}

/** How long wishes are collected while a link is up. */
const COLLECT_MS = 10;
/** How many heartbeats may be missed. */
const SILENT_HEARTBEATS = 2.5;

export function createHub(options: HubOptions, tell: (message: HubMessage) => void): Hub {
  const { backoff = {}, connectTimeoutMs = 15_000 } = options;
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
    let isOver = false;

    const end = (error: ErrorRecord, waitMs?: number): void => {
      if (isOver) return;
      link.close();
      if (link === main) main = undefined;
      else next = undefined;
      if (error[0] === "STREAM_REFUSED") {
        refuse(keys, error);
        return;
      }
      if (!waiting && !next) {
        wait(backoffMs(attempt++, waitMs ?? retryMs, backoff), waitMs !== undefined);
      }
      if (!main) tell((trouble = ["lost", error, retryAt]));
    };

    const [expect, check] = createWatchdog(() => end(["STREAM_SILENT", "Silent."]));

    const request = async (): Promise<StreamRequest> => {
      const headers = await resolveHeaders(options, isRefused);
      const url = new URL(options.url);
      for (const key of keys) url.searchParams.append("channel", key);
      if (from.includes("-")) headers["Last-Event-ID"] = from;
      else if (from) url.searchParams.set("from", from);
      const cookies: RequestInit = options.withCredentials ? { credentials: "include" } : {};
      return [url, { headers, ...cookies }, options.fetch];
    };

    const abort = openStream(request, {
      onBytes: () => expect(silenceMs || connectTimeoutMs),
      onRetry(ms) {
        retryMs = ms;
      },
      onBlock(event, data, id) {
        const [at, channel = "default"] = id.split("@") as [string, string?];
        if (event === "hello") {
          const { heartbeatMs, head, channels } = JSON.parse(data as string);
          silenceMs = heartbeatMs * SILENT_HEARTBEATS;
          expect(silenceMs);
          onHello(link, at, head, channels);
        } else if (link === main && data !== undefined) {
          onBlock(at, channel, event, data);
        }
      },
      onEnd(response, error = "Ended.") {
        // The watchdog still runs, so that a body without end cannot hold this up.
        if (response) void readAnswer(response).then((answer) => end(...answer));
        else end(["STREAM_LOST", String(error)]);
      },
    });

    const link: Link = {
      keys,
      from,
      check,
      close() {
        isOver = true;
        expect(0);
        abort();
      },
    };
    expect(connectTimeoutMs);
    return link;
  };

  const onHello = (link: Link, at: string, head = at, channels?: readonly string[]): void => {
    main?.close();
    main = link;
    next = undefined;
    const { keys } = link;
    granted = link.keys = keys.filter((key) => isGranted(key, channels));
    const denied = keys.filter((key) => !granted.includes(key));
    cursor = at;
    refresh = 0;
    trouble = undefined;
    announce(link, link.from || at, head);
    if (denied.length) deny(denied, ["STREAM_REFUSED", "Not granted."]);
    collect();
  };

  const onBlock = (at: string, channel: string, event: string, data: string): void => {
    if (event === "bye") {
      const { reason, retryMs = 0 } = JSON.parse(data);
      (main as Link).keys = [];
      if (reason === "unauthorized") refresh = 1;
      if (!waiting) wait(retryMs, true);
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

  const collect = (): void => {
    timer ??= setTimeout(proceed, main ? COLLECT_MS : 0);
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

/** Whether `hello` lists the channel, or for a pattern, at least something of it. */
function isGranted(key: string, channels?: readonly string[]): boolean {
  const pattern = matcherOf(key);
  return channels?.some((name) => pattern.test(name)) ?? true;
}
