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

interface StreamHandlers {
  onEvent: (event: MessageEvent<string>) => void;
  onState: (state: StreamState) => void;
  onHello: (hello: Hello) => void;
}

/**
 * The browser's own `EventSource`, with what a page around it needs: an honest state, closing when
 * the page is left, and opening again from the last id seen when it comes back from the
 * back-forward cache or the visitor asks for it.
 */
export function openEventStream(url: string, { onEvent, onState, onHello }: StreamHandlers) {
  let source: EventSource | undefined;
  let lastId = "";
  let lastHeardAt = 0;
  let heartbeatMs = defaultHeartbeatMs;

  function open(): void {
    source?.close();
    onState(lastId === "" ? "connecting" : "reconnecting");
    const from = lastId === "" ? "" : `?from=${encodeURIComponent(lastId)}`;
    const current = new EventSource(url + from);
    source = current;
    current.addEventListener("open", heard);
    current.addEventListener("error", () => {
      // CLOSED is final: the answer was no event stream (an error status, say), and the browser
      // does not try that again. https://html.spec.whatwg.org/multipage/server-sent-events.html
      if (current.readyState === EventSource.CLOSED) onState("closed");
      else onState(lastId === "" ? "connecting" : "reconnecting");
    });
    for (const name of eventNames) current.addEventListener(name, receive);
  }

  function heard(): void {
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
    source?.close();
  }

  function comeBack({ persisted }: PageTransitionEvent): void {
    if (persisted) open();
  }

  const watcher = setInterval(watch, watchIntervalMs);
  addEventListener("pagehide", leave);
  addEventListener("pageshow", comeBack);
  open();

  return {
    reopen: open,
    close: (): void => {
      clearInterval(watcher);
      removeEventListener("pagehide", leave);
      removeEventListener("pageshow", comeBack);
      source?.close();
    },
  };
}
