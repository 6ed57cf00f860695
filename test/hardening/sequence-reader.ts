import { createReconnectingStream } from "../support/reconnecting-stream.ts";
import type { ReceivedEvent } from "../support/stream-response.ts";

/** What a {@link SequenceReader} received: numbered messages, gaps and `bye`s. */
export type SequenceItem =
  | { readonly kind: "message"; readonly n: number; readonly key: number }
  | {
      readonly kind: "gap";
      readonly data: { readonly reason: string; readonly count?: number };
    }
  | { readonly kind: "bye"; readonly reason: string };

/** Reads numbered messages of any size, and keeps only the numbers. */
export interface SequenceReader extends AsyncDisposable {
  readonly items: readonly SequenceItem[];
  /** The newest number seen. */
  readonly last: () => number;
  pause(): void;
  resume(): void;
}

/** Opens a reconnecting stream whose messages are `{"n":<number>,"key":<number>,…}`. */
export async function openSequence(url: string): Promise<SequenceReader> {
  const items: SequenceItem[] = [];
  let last = -1;

  function accept({ event, data, json }: ReceivedEvent): void {
    if (event === "message") {
      const [, n, key] = /^\{"n":(\d+),"key":(\d+)/.exec(data) ?? [];
      last = Number(n);
      items.push({ kind: "message", n: last, key: Number(key) });
    } else if (event === "gap" || event === "bye") {
      const details = json() as { reason: string; count?: number };
      if (event === "gap") items.push({ kind: "gap", data: details });
      else items.push({ kind: "bye", reason: details.reason });
    }
  }

  const stream = createReconnectingStream({ url: () => url, onEvent: accept, retryMs: () => 0 });
  await stream.connect();
  return {
    items,
    last: () => last,
    pause: stream.pause,
    resume: stream.resume,
    [Symbol.asyncDispose]: async () => stream.disconnect(),
  };
}
