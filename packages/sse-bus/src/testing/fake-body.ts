import type { FakeRequest } from "./fake-request.ts";

/** The body of one response of a fake stream. */
export interface FakeBody {
  readonly request: FakeRequest;
  readonly channels: readonly string[];
  readonly stream: ReadableStream<Uint8Array>;
  /** Resolves once the reader has read it and asks for more, or has left. */
  write(text: string): Promise<void>;
  end(): void;
  break(error: unknown): void;
}

const encoder = new TextEncoder();

/** @param onOver Called once, when nothing can be written any more. */
export function createFakeBody(
  request: FakeRequest,
  channels: readonly string[],
  onOver: () => void,
): FakeBody {
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
  const stream = new ReadableStream<Uint8Array>(
    {
      start(own) {
        controller = own;
      },
      // With a high water mark of 0 it is called only once everything is read and more is wanted.
      pull: settle,
      cancel: () => finish(() => {}),
    },
    { highWaterMark: 0 },
  );
  return {
    request,
    channels,
    stream,
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
