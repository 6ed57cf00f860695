/** `live` only between `hello` and the first sign of a problem. */
export type StreamState = "connecting" | "live" | "reconnecting" | "silent" | "closed";

/** The data of the first event on every connection. */
export interface Hello {
  connection: string;
  channels: string[];
  heartbeatMs: number;
}

/** `EventSource` delivers only the names it was asked for; a message without one is `message`. */
const eventNames = ["hello", "message", "gap", "bye", "ping"];

/** The heartbeat interval until `hello` gives the server's. */
const defaultHeartbeatMs = 15_000;
const watchIntervalMs = 5_000;

/** The backoff after a response that is not an event stream. */
const firstWaitMs = 1_000;
const longestWaitMs = 15_000;

interface StreamHandlers {
  onEvent: (event: MessageEvent<string>) => void;
  onState: (state: StreamState) => void;
  onHello: (hello: Hello) => void;
}

/**
 * The browser's own `EventSource`, with what a page needs around it: the state of the connection,
 * a close when the page is hidden for good, and a reopen from the last id: after the back-forward
 * cache, at the visitor's request, and after errors that the browser does not retry.
 */
export function openEventStream(url: string, { onEvent, onState, onHello }: StreamHandlers) {
  let source: EventSource | undefined;
  let lastId = "";
  let lastReceivedAt = 0;
  let heartbeatMs = defaultHeartbeatMs;
  let waitMs = firstWaitMs;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function reopen(): void {
    onState(lastId === "" ? "connecting" : "reconnecting");
    open();
  }

  // #region how open
  function open(): void {
    disconnect();
    const from = lastId === "" ? "" : `?from=${encodeURIComponent(lastId)}`;
    const current = new EventSource(url + from);
    source = current;
    current.addEventListener("open", () => (lastReceivedAt = Date.now()));
    current.addEventListener("error", () => {
      // CLOSED means that the response was not an event stream, for example a proxy's 502. The browser
      // does not retry that. https://html.spec.whatwg.org/multipage/server-sent-events.html
      if (current.readyState === EventSource.CLOSED) retryLater();
      else onState(lastId === "" ? "connecting" : "reconnecting");
    });
    for (const name of eventNames) current.addEventListener(name, receive);
  }
  // #endregion

  /** With jitter, so that the pages of a restarted server do not all reconnect at the same moment. */
  function retryLater(): void {
    onState("closed");
    timer = setTimeout(open, waitMs * (0.5 + Math.random() / 2));
    waitMs = Math.min(waitMs * 2, longestWaitMs);
  }

  function receive(event: MessageEvent<string>): void {
    lastId = event.lastEventId;
    if (event.type === "hello") {
      const hello = JSON.parse(event.data) as Hello;
      heartbeatMs = hello.heartbeatMs;
      onHello(hello);
    }
    // The first event is `hello`, so the state is never live before it.
    waitMs = firstWaitMs;
    lastReceivedAt = Date.now();
    onState("live");
    onEvent(event);
  }

  function watch(): void {
    // A connection that dies silently raises no error: only the missing heartbeat shows it.
    const isOpen = source?.readyState === EventSource.OPEN;
    if (isOpen && Date.now() - lastReceivedAt > 2.5 * heartbeatMs) onState("silent");
  }

  function disconnect(): void {
    clearTimeout(timer);
    source?.close();
  }

  function reopenFromCache({ persisted }: PageTransitionEvent): void {
    if (persisted) reopen();
  }

  const watcher = setInterval(watch, watchIntervalMs);
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", reopenFromCache);
  reopen();

  return {
    reopen,
    close: (): void => {
      clearInterval(watcher);
      removeEventListener("pagehide", disconnect);
      removeEventListener("pageshow", reopenFromCache);
      disconnect();
    },
  };
}
