import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { parseResponse, type ReceivedEvent, requestStream } from "./stream-response.ts";

export interface ReconnectingStreamOptions {
  /** The address of the next connection. */
  url(): string;
  readonly headers?: Readonly<Record<string, string>>;
  onEvent(event: ReceivedEvent): void;
  onConnect?(): void;
  /** A connection failed, or its status is not 200. */
  onRefused?(): void;
  /** The wait before each reconnect. @default 200 */
  retryMs?(): number;
}

/** An event stream that reconnects like a browser: always, and from its last event id. */
export interface ReconnectingStream {
  /** Connects, and retries until it succeeds. Resolves when the stream is open or disconnected. */
  connect(): Promise<void>;
  /** Breaks the connection. Stays disconnected until `connect`. */
  disconnect(): void;
  /** Stops reading: the buffers on the way fill up, as with a stalled client. */
  pause(): void;
  resume(): void;
}

export function createReconnectingStream(options: ReconnectingStreamOptions): ReconnectingStream {
  const { url, headers = {}, onEvent, onConnect, onRefused, retryMs = () => 200 } = options;
  let lastEventId: string | undefined;
  let response: IncomingMessage | undefined;
  let isPaused = false;
  /** Each `connect` and `disconnect` begins a new attempt; late events of an older one are ignored. */
  let attempt = 0;

  function disconnect(): void {
    attempt++;
    response?.destroy();
    response = undefined;
  }

  async function connect(): Promise<void> {
    disconnect();
    const own = attempt;
    while (own === attempt) {
      const opened = await requestStream(url(), { headers, lastEventId }).catch(() => undefined);
      if (opened && own === attempt) return read(opened, own);
      if (opened) opened.destroy();
      else {
        onRefused?.();
        await sleep(retryMs());
      }
    }
  }

  async function reconnect(own: number): Promise<void> {
    await sleep(retryMs());
    if (own === attempt) await connect();
  }

  function read(opened: IncomingMessage, own: number): void {
    response = opened;
    onConnect?.();
    parseResponse(opened, {
      onEvent(event) {
        if (own !== attempt) return;
        // A copy: the parser's string is a slice that keeps its whole chunk in memory.
        if (event.id !== undefined) lastEventId = Buffer.from(event.id).toString();
        onEvent(event);
      },
    });
    opened.once("close", () => void reconnect(own));
    if (isPaused) opened.pause();
  }

  return {
    connect,
    disconnect,
    pause() {
      isPaused = true;
      response?.pause();
    },
    resume() {
      isPaused = false;
      response?.resume();
    },
  };
}
