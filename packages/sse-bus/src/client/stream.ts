import { isEventStream } from "./answer.ts";
import { createEventStreamParser } from "./event-stream.ts";

/** What becomes of a request for an event stream. */
export interface StreamHandlers {
  /** The response is an event stream; its first byte may not be there yet. */
  onOpen?: (response: Response) => void;
  /** Bytes arrived. */
  onBytes: () => void;
  /** See {@link createEventStreamParser}. */
  onBlock: (type: string, data: string | undefined, lastEventId: string) => void;
  onRetry: (retryMs: number) => void;
  /**
   * It is over, unless it was aborted: with the response if that is no event stream, with the error
   * if it broke, with neither if the server ended it.
   */
  onEnd: (response?: Response, error?: unknown) => void;
}

/** What to fetch, and with what. */
export type StreamRequest = readonly [url: URL, init: RequestInit, fetch: typeof fetch | undefined];

/** Fetches an event stream and reads it to its end. Returns what aborts it, silently. */
export function openStream(
  request: () => Promise<StreamRequest>,
  handlers: StreamHandlers,
  lastEventId?: string,
): () => void {
  const controller = new AbortController();
  const { signal } = controller;

  const read = async (): Promise<Response | undefined> => {
    const [url, init, fetch = globalThis.fetch] = await request();
    const response = await fetch(url, { cache: "no-store", signal, ...init });
    if (!isEventStream(response)) return response;
    if (!signal.aborted) handlers.onOpen?.(response);
    const feed = createEventStreamParser(handlers.onBlock, handlers.onRetry, lastEventId);
    const reader = response.body?.getReader();
    while (reader && !signal.aborted) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) break;
      handlers.onBytes();
      feed(value);
    }
    return undefined;
  };
  const end = (response?: Response, error?: unknown): void => {
    if (!signal.aborted) handlers.onEnd(response, error);
  };
  void read().then(end, (error: unknown) => end(undefined, error));
  return () => controller.abort();
}
