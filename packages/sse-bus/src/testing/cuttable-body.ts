/** A body that can be broken in the middle. `cut` breaks it with an error. */
export type CuttableBody = [body: ReadableStream<Uint8Array>, cut: (error: unknown) => void];

/** Forwards `source`, one piece per request. `onOver` is called once, however it ends. */
export function createCuttableBody(
  source: ReadableStream<Uint8Array>,
  onOver: () => void,
): CuttableBody {
  const reader = source.getReader();
  let isOver = false;

  /** Whether this is what ends it. */
  const finish = (): boolean => {
    if (isOver) return false;
    isOver = true;
    onOver();
    return true;
  };
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>(
    {
      start(own) {
        controller = own;
      },
      async pull() {
        const { done, value } = await reader.read();
        if (isOver) return;
        if (!done) controller.enqueue(value);
        else if (finish()) controller.close();
      },
      async cancel() {
        finish();
        await reader.cancel();
      },
    },
    { highWaterMark: 0 },
  );
  const cut = (error: unknown): void => {
    if (!finish()) return;
    controller.error(error);
    // oxlint-disable-next-line promise/no-promise-in-callback -- `cut` is no callback
    void reader.cancel().catch(() => {});
  };
  return [body, cut];
}
