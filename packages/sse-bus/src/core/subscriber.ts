import type { Message } from "./bus-types.ts";
import { closeReader, type Engine, isClosed, isOpen, newestHead } from "./engine.ts";
import { SseBusError } from "./errors.ts";
import { type LogMessage, messageData, messageId } from "./message.ts";
import { openReader, type Start } from "./open-reader.ts";
import type { Gap } from "./packet.ts";
import { formatCursor } from "./position.ts";
import type { Sink } from "./sink.ts";
import { startTimeout } from "./timers.ts";

/** A reader in this process: its sink calls a function. */
export interface Subscriber {
  /** Idempotent; the function is not called again. */
  close(): void;
}

export interface SubscriberOptions {
  readonly listener: (data: never, message: never) => unknown;
  readonly topic: string;
  readonly after: string | undefined;
  readonly onGap: ((gap: Gap) => void) | undefined;
  readonly onError: (error: Error) => void;
  /** Subscribers that are not live yet: publishes wait for them. */
  readonly connecting: Set<Promise<void>>;
}

/** For failures whose end the backend does not report, as when a topic is refused. */
const MIN_RETRY_MS = 250;
const MAX_RETRY_MS = 5000;

/**
 * Connects a subscriber, and retries while the server is away. It receives everything published after
 * this call, or a gap.
 */
export function createSubscriber(engine: Engine, options: SubscriberOptions): Subscriber {
  const { topic, onError, connecting } = options;
  const after = options.after ?? headOf(engine);
  const state = { isEnded: false };
  let failures = 0;
  let lastFailure: string | undefined;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let closeOwnReader = (): void => {};

  const sink = createCallbackSink(engine, options, state);

  async function connect(start: Start): Promise<void> {
    try {
      const { reader } = await openReader(engine, {
        topics: [topic],
        start,
        sink,
        isLocal: true,
        isReady: true,
      });
      closeOwnReader = () => closeReader(engine, reader);
      if (state.isEnded) closeOwnReader();
    } catch (cause) {
      // A bus that was closed in between is no failure.
      if (!state.isEnded && !isClosed(engine)) retryLater(cause as Error);
    }
  }

  function retryLater(cause: Error): void {
    const delayMs = Math.min(MAX_RETRY_MS, MIN_RETRY_MS * 2 ** failures++);
    engine.onceUp.add(retry);
    retryTimer = startTimeout(retry, delayMs * (0.5 + Math.random() / 2));
    // An outage is reported once, not with every attempt.
    const isNew = cause.message !== lastFailure;
    lastFailure = cause.message;
    if (isNew) onError(cause);
  }

  function retry(): void {
    cancelRetry();
    // With a position to read from, history has what is published before the subscriber is live. Without
    // one, publishes wait.
    if (after === undefined) makePublishesWait(connect("now"));
    else void connect({ cursor: after });
  }

  function cancelRetry(): void {
    clearTimeout(retryTimer);
    engine.onceUp.delete(retry);
  }

  function makePublishesWait(attempt: Promise<void>): void {
    connecting.add(attempt);
    void attempt.then(() => connecting.delete(attempt));
  }

  makePublishesWait(connect(options.after === undefined ? "now" : { cursor: options.after }));

  return {
    close() {
      state.isEnded = true;
      cancelRetry();
      closeOwnReader();
    },
  };
}

/** A sink that calls the function for each message; one that throws or rejects is reported. */
function createCallbackSink(
  engine: Engine,
  { listener, topic, onGap, onError }: SubscriberOptions,
  state: { isEnded: boolean },
): Sink {
  function call(run: () => unknown): void {
    // The function itself may have ended the subscription.
    if (state.isEnded) return;
    try {
      const result = run();
      if (result instanceof Promise) result.catch(report);
    } catch (cause) {
      report(cause);
    }
  }

  function report(cause: unknown): void {
    const text = `A listener of "${topic}" threw; others go on.`;
    onError(new SseBusError("LISTENER_FAILED", text, { cause }));
  }

  return {
    write({ gap, messages }) {
      if (gap) call(() => (onGap ? onGap(gap) : onError(gapError(gap))));
      for (const message of messages) {
        // Within the call: data that cannot be parsed must not end the subscriber.
        call(() => {
          const whole = toMessage(message, engine.local.epoch());
          return listener(whole.data as never, whole as never);
        });
      }
      return true;
    },
    end() {
      state.isEnded = true;
    },
  };
}

/** The newest position that this process knows of, as a cursor. */
function headOf(engine: Engine): string | undefined {
  if (!isOpen(engine)) return undefined;
  const head = newestHead(engine);
  return formatCursor(head, head.epoch);
}

function toMessage(message: LogMessage, epoch: string): Message {
  const { channel, event, key, time } = message;
  return {
    id: messageId(message, epoch, message),
    channel,
    event,
    data: messageData(message),
    ...(key !== undefined && { key }),
    time,
  };
}

function gapError({ channels, reason, count }: Gap): SseBusError {
  const missing = count === undefined ? "Messages" : `${count} messages`;
  return new SseBusError(
    "GAP",
    `${missing} on ${channels.join(", ")} could not be recovered (${reason}): load the state again, keep more \`history\`, or pass \`onGap\`.`,
  );
}
