import { get, type IncomingMessage } from "node:http";

/** What a {@link SequenceReader} has seen: numbered messages, and what interrupted them. */
export type SequenceItem =
  | { readonly kind: "message"; readonly n: number; readonly key: number }
  | {
      readonly kind: "gap";
      readonly data: { readonly reason: string; readonly count?: number };
    }
  | { readonly kind: "bye"; readonly reason: string };

/** Reads numbered messages of any size and keeps the numbers only. */
export interface SequenceReader extends AsyncDisposable {
  readonly items: readonly SequenceItem[];
  /** The newest number seen. */
  readonly last: () => number;
  pause(): void;
  resume(): void;
}

/**
 * Opens a stream whose messages are `{"n":<number>,"key":<number>,…}`. As a browser does, it comes
 * back with the last id when the server ends the stream.
 */
export async function openSequence(url: string): Promise<SequenceReader> {
  const items: SequenceItem[] = [];
  let last = -1;
  let lastEventId: string | undefined;
  let response: IncomingMessage | undefined;
  let isClosed = false;
  let isPaused = false;

  function take(block: string): void {
    const id = /^id: (.*)$/m.exec(block)?.[1];
    const event = /^event: (.*)$/m.exec(block)?.[1] ?? "message";
    // A copy: what a regular expression finds is a view that keeps the whole block alive.
    if (id !== undefined) lastEventId = Buffer.from(id).toString();
    if (event === "message") {
      const [, n, key] = /^data: \{"n":(\d+),"key":(\d+)/m.exec(block) ?? [];
      last = Number(n);
      items.push({ kind: "message", n: last, key: Number(key) });
    } else if (event === "gap" || event === "bye") {
      const data = JSON.parse(/^data: (.*)$/m.exec(block)?.[1] as string) as {
        reason: string;
        count?: number;
      };
      if (event === "gap") items.push({ kind: "gap", data });
      else items.push({ kind: "bye", reason: data.reason });
    }
  }

  async function connect(): Promise<void> {
    const headers = lastEventId === undefined ? {} : { "Last-Event-ID": lastEventId };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      get(url, { agent: false, headers }, resolve).on("error", reject);
    });
    response = answer;
    // Pieces, not one growing string: a message may come in many chunks.
    let pieces: string[] = [];
    answer.setEncoding("latin1").on("data", (chunk: string) => {
      // The two line ends of a block may come apart: the first waits for what follows it.
      const isCut = pieces.at(-1)?.endsWith("\n") ?? false;
      if (isCut) pieces.push((pieces.pop() as string).slice(0, -1));
      const blocks = `${isCut ? "\n" : ""}${chunk}`.split("\n\n");
      for (const block of blocks.slice(0, -1)) {
        take(pieces.join("") + block);
        pieces = [];
      }
      pieces.push(blocks.at(-1) as string);
    });
    answer.on("error", () => {});
    answer.once("close", () => {
      if (!isClosed) void connect().catch(() => {});
    });
    if (isPaused) answer.pause();
  }

  await connect();
  return {
    items,
    last: () => last,
    pause() {
      isPaused = true;
      response?.pause();
    },
    resume() {
      isPaused = false;
      response?.resume();
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      response?.destroy();
    },
  };
}
