import { createOutbox } from "./outbox.ts";
import { startInterval } from "../core/timers.ts";

/** A way to another process or thread: messages arrive whole, once, and in the order sent. */
export interface Link {
  /** `onSent` is called when this process holds nothing of the message any more. */
  send(message: unknown, onSent: () => void): void;
  onMessage(listener: (message: unknown) => void): void;
  onClose(listener: () => void): void;
}

/** Calls in both directions over a link. */
export interface Rpc {
  /**
   * Rejects with what the other side threw; and without a code when the link is lost, when too much
   * waits for the other side, or when there is no answer within {@link CALL_TIMEOUT_S}.
   */
  call<Result>(method: string, argument?: unknown): Promise<Result>;
  /** Like `call`, without an answer. What is sent in one turn leaves together, in order. */
  notify(method: string, argument?: unknown): void;
  /** Bytes that the other side has not taken, roughly. */
  waitingBytes(): number;
  /** Resolves once there are no more of them than this, or when the link is lost. */
  untilBelow(bytes: number): Promise<void>;
}

/** How long a call waits for its answer, in seconds in which this process itself runs. */
export const CALL_TIMEOUT_S = 10;
/** With so much that the other side has not taken, no call is added. */
export const MAX_WAITING_BYTES = 16_777_216;

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

interface Call {
  resolve(value: never): void;
  reject(error: Error): void;
  /** Ticks of the clock that it has waited. */
  ticks: number;
}

export function createRpc(link: Link, { methods, toError }: RpcOptions): Rpc {
  const waiting = new Map<number, Call>();
  const outbox = createOutbox<Frame>(link);
  let calls = 0;
  let isClosed = false;
  // Ticks, not the time of day: after a stop of this process the answers are here, and only unread.
  const clock = startInterval(rejectLate, 1000);
  clock.unref();

  function rejectLate(): void {
    const late = new Set<number>();
    for (const [call, waiter] of waiting) {
      if (++waiter.ticks <= CALL_TIMEOUT_S) continue;
      late.add(call);
      waiting.delete(call);
      waiter.reject(toError(NO_ANSWER));
    }
    // What was answered as failed should not be done later, if that can be helped.
    if (late.size > 0) {
      outbox.withdraw(
        (frame) => "call" in frame && frame.call !== undefined && late.has(frame.call),
      );
    }
  }

  async function serve(frame: CallFrame): Promise<void> {
    const { method, argument, call } = frame;
    try {
      const run = methods[method];
      if (!run) throw new Error(`There is no method ${method}`);
      const result = await run(argument as never);
      if (call !== undefined) outbox.add({ answer: call, result });
    } catch (cause) {
      const { code, message } = cause as Error & { code?: string };
      if (call !== undefined) outbox.add({ answer: call, error: { code, message } });
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
    clearInterval(clock);
    outbox.close();
    for (const { reject } of waiting.values()) reject(toError(LOST));
    waiting.clear();
  });

  return {
    call: (method, argument) =>
      new Promise((resolve, reject) => {
        const problem = isClosed
          ? LOST
          : outbox.waitingBytes() > MAX_WAITING_BYTES
            ? FULL
            : undefined;
        if (problem) {
          reject(toError(problem));
          return;
        }
        const call = calls++;
        waiting.set(call, { resolve, reject, ticks: 0 });
        outbox.add({ method, argument, call });
      }),
    notify(method, argument) {
      outbox.add({ method, argument, call: undefined });
    },
    waitingBytes: outbox.waitingBytes,
    untilBelow: outbox.untilBelow,
  };
}

const LOST: RpcError = { code: undefined, message: "The link to the other process is lost." };
const NO_ANSWER: RpcError = {
  code: undefined,
  message: `The other process has not answered within ${CALL_TIMEOUT_S} s: try again.`,
};
const FULL: RpcError = {
  code: undefined,
  message: `The other process has not taken the last ${MAX_WAITING_BYTES} bytes: try again.`,
};
