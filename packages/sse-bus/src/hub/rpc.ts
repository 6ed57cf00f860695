import { startInterval } from "../core/timers.ts";
import { createOutbox } from "./outbox.ts";
import type { Transport } from "./transport.ts";

/** Remote procedure calls in both directions over a transport. */
export interface Rpc {
  /**
   * Rejects with the error that the other side threw. Rejects with an error without a code when the transport
   * closes, when the other side has more than {@link MAX_WAITING_BYTES} to read, or when it does not answer
   * within {@link CALL_TIMEOUT_S}.
   */
  call<Result>(method: string, argument?: unknown): Promise<Result>;
  /** Like `call`, without an answer. Everything sent in one turn is sent together, in order. */
  notify(method: string, argument?: unknown): void;
  /** Bytes that the other side has not read, roughly. */
  waitingBytes(): number;
  /** Resolves once `waitingBytes` is at most this, or when the transport is closed. */
  untilBelow(bytes: number): Promise<void>;
}

/** How long a call waits for its answer. Seconds in which this process is stopped do not count. */
export const CALL_TIMEOUT_S = 10;
/** Calls are rejected while the other side has more than this to read. */
export const MAX_WAITING_BYTES = 16_777_216;

/** What the other side may call. */
export type RpcMethods = Readonly<Record<string, (argument: never) => unknown>>;

interface CallFrame {
  readonly method: string;
  readonly argument: unknown;
  /** `undefined` for `notify`. */
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
  /** Makes an error of what the other side threw, or of a closed transport (no `code`). */
  readonly toError: (error: RpcError) => Error;
}

interface Call {
  resolve(value: never): void;
  reject(error: Error): void;
  /** How many ticks it has waited. */
  ticks: number;
}

export function createRpc(transport: Transport, { methods, toError }: RpcOptions): Rpc {
  const waiting = new Map<number, Call>();
  const outbox = createOutbox<Frame>(transport);
  let calls = 0;
  let isClosed = false;
  // Ticks instead of timestamps: after a pause of this process the answers have arrived, and are only unread.
  const clock = startInterval(rejectOverdue, 1000);
  clock.unref();

  function rejectOverdue(): void {
    const overdue = new Set<number>();
    for (const [call, waiter] of waiting) {
      if (++waiter.ticks <= CALL_TIMEOUT_S) continue;
      overdue.add(call);
      waiting.delete(call);
      waiter.reject(toError(NO_ANSWER));
    }
    // A call that has failed must not run later, if it can still be withdrawn.
    if (overdue.size > 0) {
      outbox.withdraw(
        (frame) => "call" in frame && frame.call !== undefined && overdue.has(frame.call),
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

  transport.onMessage((message) => {
    for (const frame of message as Frame[]) {
      if ("method" in frame) void serve(frame);
      else settle(frame);
    }
  });
  transport.onClose(() => {
    isClosed = true;
    clearInterval(clock);
    outbox.close();
    for (const { reject } of waiting.values()) reject(toError(CLOSED));
    waiting.clear();
  });

  return {
    call: (method, argument) =>
      new Promise((resolve, reject) => {
        const problem = isClosed
          ? CLOSED
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

const CLOSED: RpcError = {
  code: undefined,
  message: "The connection to the other process is closed.",
};
const NO_ANSWER: RpcError = {
  code: undefined,
  message: `The other process did not answer within ${CALL_TIMEOUT_S} s. Retry.`,
};
const FULL: RpcError = {
  code: undefined,
  message: `The other process has more than ${MAX_WAITING_BYTES} bytes to read. Retry later.`,
};
