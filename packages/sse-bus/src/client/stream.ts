import { isEventStream } from "./answer.ts";
import { serverWaitMs } from "./backoff.ts";
import { createEventStreamParser } from "./event-stream.ts";

/** What happens to a request for an event stream. */
export interface StreamHandlers {
  /** The response is an event stream; its first byte may not be there yet. */
  onOpen?: (response: Response) => void;
  /** Bytes arrived. */
  onBytes: () => void;
  /** See {@link createEventStreamParser}. */
  onBlock: (type: string, data: string | undefined, lastEventId: string) => void;
  /** The server asks for this reconnection time, within {@link serverWaitMs}'s limit. */
  onRetry: (retryMs: number) => void;
  /**
   * The stream is over, or was aborted. Called with the response if that is no event stream, with the
   * error if the connection broke, and with neither if the server ended it.
   */
  onEnd: (response?: Response, error?: unknown) => void;
}

/** What to fetch, and with which `fetch`. */
export interface FetchRequest {
  readonly url: URL;
  readonly headers: Headers;
  readonly withCredentials?: boolean | undefined;
  readonly fetch?: typeof fetch | undefined;
}

/** Fetches an event stream and reads it to its end. Returns a function that aborts it. */
export function openStream(
  request: () => Promise<FetchRequest>,
  handlers: StreamHandlers,
  lastEventId?: string,
): () => void {
  const controller = new AbortController();
  const { signal } = controller;

  const read = async (): Promise<Response | undefined> => {
    const { url, headers, withCredentials, fetch: fetchStream = fetch } = await request();
    const response = await fetchStream(url, {
      cache: "no-store",
      signal,
      headers,
      ...(withCredentials && { credentials: "include" }),
    });
    if (!isEventStream(response)) return response;
    handlers.onOpen?.(response);
    const onRetry = (ms: number): void => handlers.onRetry(serverWaitMs(ms) as number);
    const feed = createEventStreamParser(handlers.onBlock, onRetry, lastEventId);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) return undefined;
      handlers.onBytes();
      feed(value);
    }
  };
  void read().then(handlers.onEnd, (error: unknown) => handlers.onEnd(undefined, error));
  return () => controller.abort();
}
