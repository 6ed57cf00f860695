import type { FakeRequest } from "./fake-stream.ts";

/** The body of one response of a fake stream. */
export interface FakeLine {
  readonly request: FakeRequest;
  readonly channels: readonly string[];
  readonly body: ReadableStream<Uint8Array>;
  /** Resolves once the reader has taken it and asks for more, or has left. */
  write(text: string): Promise<void>;
  end(): void;
  break(error: unknown): void;
}

const encoder = new TextEncoder();

/** `onOver` is told once that nothing can be written any more. */
export function createFakeLine(
  request: FakeRequest,
  channels: readonly string[],
  onOver: () => void,
): FakeLine {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  let isOver = false;
  let unread: (() => void)[] = [];

  const settle = (): void => {
    for (const resolve of unread.splice(0)) resolve();
  };
  const finish = (act: () => void): void => {
    if (isOver) return;
    isOver = true;
    act();
    onOver();
    settle();
  };
  const body = new ReadableStream<Uint8Array>(
    {
      start(own) {
        controller = own;
      },
      // With nothing held in advance it is called only when all is read and more is asked for.
      pull: settle,
      cancel: () => finish(() => {}),
    },
    { highWaterMark: 0 },
  );
  return {
    request,
    channels,
    body,
    async write(text) {
      if (isOver) return;
      const read = new Promise<void>((resolve) => unread.push(resolve));
      controller.enqueue(encoder.encode(text));
      await read;
    },
    end: () => finish(() => controller.close()),
    break: (error) => finish(() => controller.error(error)),
  };
}
