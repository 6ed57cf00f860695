/** What is known of the line, never more: `live` is said only while the server is heard. */
export type StreamState = "connecting" | "live" | "reconnecting" | "silent" | "closed";

/** The data of the first event on every connection. */
export interface Hello {
  connection: string;
  channels: string[];
  heartbeatMs: number;
}

/** `EventSource` delivers only the names it was asked for; a message without one is `message`. */
const eventNames = ["hello", "message", "gap", "bye", "ping"];

/** Heartbeats come this often until `hello` tells otherwise. */
const defaultHeartbeatMs = 15_000;
const watchIntervalMs = 5_000;

/** The waits between attempts after an answer that was no event stream. */
const firstWaitMs = 1_000;
const longestWaitMs = 15_000;

interface StreamHandlers {
  onEvent: (event: MessageEvent<string>) => void;
  onState: (state: StreamState) => void;
  onHello: (hello: Hello) => void;
}

/**
 * The browser's own `EventSource`, with what a page around it needs: an honest state, closing when
 * the page is left, and opening again from the last id seen: when the page comes back from the
 * back-forward cache, when the visitor asks for it, and by itself when the browser has given up.
 */
export function openEventStream(url: string, { onEvent, onState, onHello }: StreamHandlers) {
  let source: EventSource | undefined;
  let lastId = "";
  let lastHeardAt = 0;
  let heartbeatMs = defaultHeartbeatMs;
  let waitMs = firstWaitMs;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function reopen(): void {
    onState(lastId === "" ? "connecting" : "reconnecting");
    open();
  }

  function open(): void {
    leave();
    const from = lastId === "" ? "" : `?from=${encodeURIComponent(lastId)}`;
    const current = new EventSource(url + from);
    source = current;
    current.addEventListener("open", heard);
    current.addEventListener("error", () => {
      // CLOSED is final: the answer was no event stream (a proxy's 502 during a restart, say), and the
      // browser does not try that again. https://html.spec.whatwg.org/multipage/server-sent-events.html
      if (current.readyState === EventSource.CLOSED) tryLater();
      else onState(lastId === "" ? "connecting" : "reconnecting");
    });
    for (const name of eventNames) current.addEventListener(name, receive);
  }

  /** Jittered, so that pages which a server lost together do not all return at once. */
  function tryLater(): void {
    onState("closed");
    timer = setTimeout(open, waitMs * (0.5 + Math.random() / 2));
    waitMs = Math.min(waitMs * 2, longestWaitMs);
  }

  function heard(): void {
    waitMs = firstWaitMs;
    lastHeardAt = Date.now();
    onState("live");
  }

  function receive(event: MessageEvent<string>): void {
    lastId = event.lastEventId;
    if (event.type === "hello") {
      const hello = JSON.parse(event.data) as Hello;
      heartbeatMs = hello.heartbeatMs;
      onHello(hello);
    }
    heard();
    onEvent(event);
  }

  function watch(): void {
    // A line that died without a farewell raises no error: only the missing heartbeat tells.
    const live = source?.readyState === EventSource.OPEN;
    if (live && Date.now() - lastHeardAt > 2.5 * heartbeatMs) onState("silent");
  }

  function leave(): void {
    clearTimeout(timer);
    source?.close();
  }

  function comeBack({ persisted }: PageTransitionEvent): void {
    if (persisted) reopen();
  }

  const watcher = setInterval(watch, watchIntervalMs);
  addEventListener("pagehide", leave);
  addEventListener("pageshow", comeBack);
  reopen();

  return {
    reopen,
    close: (): void => {
      clearInterval(watcher);
      removeEventListener("pagehide", leave);
      removeEventListener("pageshow", comeBack);
      leave();
    },
  };
}
