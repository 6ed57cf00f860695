/** A way to another process or thread: messages arrive whole, once, and in the order sent. */
export interface Link {
  send(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  onClose(listener: () => void): void;
}

/** Calls in both directions over a link. */
export interface Rpc {
  /** Rejects with what the other side threw, or when the link is lost. */
  call<Result>(method: string, argument?: unknown): Promise<Result>;
  /** Like `call`, without an answer. What is sent in one turn leaves together, in order. */
  notify(method: string, argument?: unknown): void;
}

/** What the other side may call. */
export type RpcMethods = Readonly<Record<string, (argument: never) => unknown>>;

interface CallFrame {
  readonly method: string;
  readonly argument: unknown;
  /** Left out by `notify`. */
  readonly call: number | undefined;
}

type AnswerFrame =
  | { readonly answer: number; readonly result: unknown }
  | { readonly answer: number; readonly error: RpcError };

type Frame = CallFrame | AnswerFrame;

interface RpcError {
  readonly code: string | undefined;
  readonly message: string;
}

export interface RpcOptions {
  readonly methods: RpcMethods;
  /** Turns what the other side threw, or the loss of the link (no `code`), into an error. */
  readonly toError: (error: RpcError) => Error;
}

export function createRpc(link: Link, { methods, toError }: RpcOptions): Rpc {
  const waiting = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();
  let calls = 0;
  let isClosed = false;
  let queue: Frame[] = [];

  function post(frame: Frame): void {
    // One frame at the link for all that is sent in a turn: each costs a system call.
    if (queue.push(frame) === 1) queueMicrotask(flush);
  }

  function flush(): void {
    const frames = queue;
    queue = [];
    if (!isClosed) link.send(frames);
  }

  async function serve(frame: CallFrame): Promise<void> {
    const { method, argument, call } = frame;
    try {
      const run = methods[method];
      if (!run) throw new Error(`There is no method ${method}`);
      const result = await run(argument as never);
      if (call !== undefined) post({ answer: call, result });
    } catch (cause) {
      const { code, message } = cause as Error & { code?: string };
      if (call !== undefined) post({ answer: call, error: { code, message } });
    }
  }

  function settle(frame: AnswerFrame): void {
    const call = waiting.get(frame.answer);
    waiting.delete(frame.answer);
    if ("error" in frame) call?.reject(toError(frame.error));
    else call?.resolve(frame.result as never);
  }

  link.onMessage((message) => {
    for (const frame of message as Frame[]) {
      if ("method" in frame) void serve(frame);
      else settle(frame);
    }
  });
  link.onClose(() => {
    isClosed = true;
    for (const { reject } of waiting.values()) reject(toError(LOST));
    waiting.clear();
  });

  return {
    call: (method, argument) =>
      new Promise((resolve, reject) => {
        if (isClosed) {
          reject(toError(LOST));
          return;
        }
        const call = calls++;
        waiting.set(call, { resolve, reject });
        post({ method, argument, call });
      }),
    notify(method, argument) {
      post({ method, argument, call: undefined });
    },
  };
}

const LOST: RpcError = { code: undefined, message: "The link to the other process is lost." };
