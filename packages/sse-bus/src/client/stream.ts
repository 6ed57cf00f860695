import { isEventStream } from "./answer.ts";
import { createEventStreamParser, type EventStreamHandlers } from "./event-stream.ts";

/** What becomes of a request for an event stream. `onEnd` is the last call, unless `abort` was called. */
export interface StreamHandlers extends EventStreamHandlers {
  /** The response is an event stream; its first byte may not be there yet. */
  onOpen: (response: Response) => void;
  /** Bytes arrived. */
  onBytes?: () => void;
  /**
   * It is over: with the `response` when that is no event stream, with the `error` when there is
   * none or it broke, with neither when the server ended it.
   */
  onEnd: (end: { response?: Response; error?: unknown }) => void;
}

/** Fetches an event stream and reads it to its end. Returns what aborts it, silently. */
export function openStream(
  fetch: typeof globalThis.fetch,
  url: string,
  init: RequestInit & { lastEventId?: string },
  handlers: StreamHandlers,
): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  const { lastEventId, ...request } = init;

  const read = async (): Promise<{ response?: Response; error?: unknown }> => {
    try {
      const response = await fetch(url, {
        cache: "no-store",
        ...request,
        signal,
      });
      if (signal.aborted) return {};
      if (!isEventStream(response)) return { response };
      handlers.onOpen(response);
      const feed = createEventStreamParser(handlers, lastEventId);
      const reader = response.body?.getReader();
      while (reader && !signal.aborted) {
        const { done, value } = await reader.read();
        if (done || signal.aborted) break;
        handlers.onBytes?.();
        feed(value);
      }
      return {};
    } catch (error) {
      return { error };
    }
  };

  void read().then((end) => {
    if (!signal.aborted) handlers.onEnd(end);
  });
  return () => controller.abort();
}
