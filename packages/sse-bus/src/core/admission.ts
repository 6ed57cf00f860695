import { assertOpen, type Engine, isOpen } from "./engine.ts";
import { afterTurn } from "./flusher.ts";

/** Runs a call that publishes this many messages (1) when it may; calls keep their order. */
export type Admission = <T>(call: () => Promise<T>, messages?: number) => Promise<T>;

/** After this many messages in one turn, a publisher waits for the next turn of the event loop. */
const MAX_TURN_MESSAGES = 100;

/** A call that waits. Under load most do, so it must not cost a chain of promises. */
interface WaitingCall {
  readonly call: () => Promise<unknown>;
  readonly messages: number;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/**
 * Passes publishes on to the backend. While one of them has to wait, the others queue behind it: calls
 * that nobody awaits must keep their order, too.
 *
 * @param connecting Subscribers of this process that are not live yet; publishes wait for them.
 */
export function createAdmission(engine: Engine, connecting: Set<Promise<unknown>>): Admission {
  /** Messages in this turn of the event loop. */
  let turnMessages = 0;
  const waiting: WaitingCall[] = [];
  let isAdmitting = false;

  function count(messages: number): void {
    if (turnMessages === 0) afterTurn(endTurn);
    turnMessages += messages;
  }

  function endTurn(): void {
    turnMessages = 0;
  }

  function isFree(): boolean {
    return connecting.size === 0 && turnMessages < MAX_TURN_MESSAGES && isOpen(engine);
  }

  async function untilFree(): Promise<void> {
    // Awaiting publishes in a loop never leaves the microtask queue; sockets need the event loop.
    if (turnMessages >= MAX_TURN_MESSAGES) {
      await new Promise<void>((resolve) => afterTurn(resolve));
    }
    if (!isOpen(engine)) await engine.lifecycle.open();
    // A subscriber that is not live yet must not miss what its own process publishes next.
    if (connecting.size > 0) await Promise.all(connecting);
    assertOpen(engine);
  }

  async function admitWaiting(): Promise<void> {
    isAdmitting = true;
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      try {
        if (!isFree()) await untilFree();
        count(next.messages);
        next.resolve(next.call());
      } catch (error) {
        next.reject(error);
      }
    }
    isAdmitting = false;
  }

  return <T>(call: () => Promise<T>, messages = 1): Promise<T> => {
    if (!isAdmitting && isFree()) {
      count(messages);
      return call();
    }
    return new Promise<T>((resolve, reject) => {
      waiting.push({ call, messages, resolve, reject });
      if (!isAdmitting) void admitWaiting();
    });
  };
}
