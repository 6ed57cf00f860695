import { retryAfterMs } from "./answer.ts";
import { backoffMs } from "./backoff.ts";
import { resolveHeaders } from "./credentials.ts";
import type { SseEventSourceEventMap, SseEventSourceInit } from "./event-source-types.ts";
import { type FetchRequest, openStream } from "./stream.ts";
import { createWatchdog } from "./watchdog.ts";
import { startTimeout } from "../core/timers.ts";

/** Chromium's reconnection time, until the server sends another. */
const RECONNECTION_MS = 3_000;

/**
 * The browser's `EventSource` (HTML standard §9.2), implemented with `fetch`. It has the same API and
 * follows the same rules, and also runs outside a browser. In addition it sends headers, backs off when
 * attempts keep failing, and with `watchdogMs` notices a dead connection.
 *
 * @throws DOMException `SyntaxError` for an invalid URL
 *
 * @example
 * ```ts
 * const source = new SseEventSource("/api/sse", { headers: { Authorization: "Bearer …" } });
 * source.onmessage = (event) => console.log(event.lastEventId, event.data);
 * ```
 */
export class SseEventSource extends EventTarget {
  declare static readonly CONNECTING: 0;
  declare static readonly OPEN: 1;
  declare static readonly CLOSED: 2;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSED: 2;
  declare onopen: SseEventHandler<Event>;
  declare onmessage: SseEventHandler<MessageEvent<string>>;
  declare onerror: SseEventHandler<Event>;

  readonly #url: string;
  readonly #init: SseEventSourceInit;
  readonly #handlers = new Map<string, HandlerEntry>();
  #readyState: 0 | 1 | 2 = 0;
  #lastEventId = "";
  #reconnectionMs = RECONNECTION_MS;
  #failures = 0;
  #stop = (): void => {};

  static {
    for (const [value, name] of ["CONNECTING", "OPEN", "CLOSED"].entries()) {
      Object.defineProperty(this, name, { value, enumerable: true });
      Object.defineProperty(this.prototype, name, { value, enumerable: true });
    }
    for (const type of ["open", "message", "error"]) {
      Object.defineProperty(this.prototype, `on${type}`, {
        enumerable: true,
        get(this: SseEventSource) {
          return this.#handlers.get(type)?.handler ?? null;
        },
        set(this: SseEventSource, handler: unknown) {
          this.#setHandler(type, handler);
        },
      });
    }
  }

  constructor(url: string | URL, init: SseEventSourceInit = {}) {
    super();
    try {
      this.#url = new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href).href;
    } catch {
      throw new DOMException(`"${url}" is not a valid URL.`, "SyntaxError");
    }
    this.#init = init;
    this.#connect();
  }

  /** The URL, made absolute. */
  get url(): string {
    return this.#url;
  }

  get withCredentials(): boolean {
    return this.#init.withCredentials === true;
  }

  /** As that of a client's status. The standard has only streams, so it never polls. */
  get transport(): "stream" {
    return "stream";
  }

  /** `CONNECTING` (0), `OPEN` (1) or `CLOSED` (2). */
  get readyState(): 0 | 1 | 2 {
    return this.#readyState;
  }

  /** What the next request sends as `Last-Event-ID`. */
  get lastEventId(): string {
    return this.#lastEventId;
  }

  /** Ends the connection for good. */
  close(): void {
    this.#readyState = 2;
    this.#stop();
  }

  override addEventListener<Type extends string>(
    type: Type,
    listener: SseEventListener<Type>,
    options?: AddEventListenerOptions | boolean,
  ): void {
    super.addEventListener(type, listener as EventListener, options);
  }

  override removeEventListener<Type extends string>(
    type: Type,
    listener: SseEventListener<Type>,
    options?: EventListenerOptions | boolean,
  ): void {
    super.removeEventListener(type, listener as EventListener, options);
  }

  #connect(): void {
    const { watchdogMs = 0, retryStatuses = [] } = this.#init;
    let origin = "";
    let isOver = false;
    const over = (): void => {
      isOver = true;
      watchdog.expect(0);
      abort();
    };
    const watchdog = createWatchdog(() => {
      over();
      this.#reconnect();
    });
    const abort = openStream(
      () => this.#request(),
      {
        onOpen: (response) => {
          if (isOver) return;
          this.#readyState = 1;
          this.#failures = 0;
          origin = new URL(response.url || this.#url).origin;
          this.dispatchEvent(new Event("open"));
        },
        onBytes: () => watchdog.expect(watchdogMs),
        onRetry: (retryMs) => {
          this.#reconnectionMs = retryMs;
        },
        onBlock: (type, data, lastEventId) => {
          // A listener of an event that came in the same bytes may have closed it.
          if (isOver) return;
          this.#lastEventId = lastEventId;
          if (data === undefined) return;
          this.dispatchEvent(new MessageEvent(type, { data, origin, lastEventId }));
        },
        onEnd: (response) => {
          if (isOver) return;
          over();
          // Any answer that is no event stream is final by the standard, a 503 too (§9.2.3).
          if (response && !retryStatuses.includes(response.status)) this.#fail();
          else this.#reconnect(response && retryAfterMs(response));
        },
      },
      this.#lastEventId,
    );
    this.#stop = over;
    watchdog.expect(watchdogMs);
  }

  async #request(): Promise<FetchRequest> {
    const headers = await resolveHeaders(this.#init, "text/event-stream", false);
    if (this.#lastEventId) headers.set("Last-Event-ID", utf8(this.#lastEventId));
    return { ...this.#init, url: new URL(this.#url), headers };
  }

  #fail(): void {
    this.#readyState = 2;
    this.dispatchEvent(new Event("error"));
  }

  #reconnect(waitMs = 0): void {
    this.#readyState = 0;
    this.dispatchEvent(new Event("error"));
    // A listener may have closed it.
    if (this.readyState !== 0) return;
    // The first attempt comes after the reconnection time alone; only failures back off.
    const moreMs = this.#failures ? backoffMs(this.#failures - 1, 0, this.#init.backoff) : 0;
    this.#failures++;
    const timer = startTimeout(
      () => this.#connect(),
      Math.max(this.#reconnectionMs, waitMs) + moreMs,
    );
    this.#stop = () => clearTimeout(timer);
  }

  #setHandler(type: string, handler: unknown): void {
    const known = this.#handlers.get(type);
    if (typeof handler !== "function") {
      if (known) super.removeEventListener(type, known.run);
      this.#handlers.delete(type);
    } else if (known) {
      // The new handler keeps the place of the old one among the listeners (§8.1.8.1).
      known.handler = handler;
    } else {
      const entry: HandlerEntry = { handler, run: (event) => entry.handler.call(this, event) };
      this.#handlers.set(type, entry);
      super.addEventListener(type, entry.run);
    }
  }
}

/** An event handler attribute. */
export type SseEventHandler<E extends Event> = ((this: SseEventSource, event: E) => unknown) | null;

/** A listener. Events that the server sends are messages, whatever their name. */
export type SseEventListener<Type extends string> =
  | ((
      this: SseEventSource,
      event: Type extends keyof SseEventSourceEventMap
        ? SseEventSourceEventMap[Type]
        : MessageEvent<string>,
    ) => unknown)
  | EventListenerObject
  | null;

interface HandlerEntry {
  // oxlint-disable-next-line typescript/no-unsafe-function-type -- whatever a program assigns
  handler: Function;
  readonly run: (event: Event) => unknown;
}

/** The UTF-8 bytes of a text, as the byte string that `fetch` accepts for a header. */
function utf8(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}
