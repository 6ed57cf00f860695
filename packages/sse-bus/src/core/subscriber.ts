import type { Message } from "./bus-types.ts";
import { closeReader, type Engine, isClosed, isOpen, newestHead } from "./engine.ts";
import { SseBusError } from "./errors.ts";
import { type LogMessage, messageData, messageId } from "./message.ts";
import { openReader, type OpenedReader, type Start } from "./open-reader.ts";
import type { Gap } from "./packet.ts";
import { formatCursor } from "./position.ts";
import type { Sink } from "./sink.ts";
import { nameOf, unreadableError } from "./stored-message.ts";
import { startTimeout } from "./timers.ts";

/** A reader in this process: its sink calls a function. */
export interface Subscriber {
  /** Idempotent; the function is not called again. */
  close(): void;
}

export interface SubscriberOptions {
  /**
   * Reads a message, with the epoch of its position, and returns the call of the listener. If it throws, the
   * message is reported as unreadable.
   */
  readonly read: (message: LogMessage, epoch: string) => () => unknown;
  readonly topic: string;
  readonly start: Start;
  readonly onGap: ((gap: Gap) => void) | undefined;
  readonly onError: (error: Error) => void;
  /** Called once the subscriber is live, with its reader. */
  readonly onLive?: (opened: OpenedReader) => void;
  /** Subscribers that are not live yet: publishes wait for them. */
  readonly connecting: Set<Promise<void>>;
}

/** For failures whose end the backend does not report, as when a topic is refused. */
const MIN_RETRY_MS = 250;
const MAX_RETRY_MS = 5000;

/**
 * Connects a subscriber, and retries while the server is unreachable. It receives everything published after
 * this call, or a gap.
 */
export function createSubscriber(engine: Engine, options: SubscriberOptions): Subscriber {
  const { topic, onError, onLive, connecting } = options;
  const laterStart = options.start === "now" ? headOf(engine) : options.start;
  const state = { isEnded: false };
  let failures = 0;
  let lastFailure: string | undefined;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let closeOwnReader = (): void => {};

  const sink = createCallbackSink(engine, options, state);

  async function connect(start: Start): Promise<void> {
    try {
      const opened = await openReader(engine, {
        topics: [topic],
        start,
        sink,
        isLocal: true,
        isReady: true,
      });
      closeOwnReader = () => closeReader(engine, opened.reader);
      if (state.isEnded) closeOwnReader();
      else onLive?.(opened);
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
    if (laterStart === "now") makePublishesWait(connect("now"));
    else void connect(laterStart);
  }

  function cancelRetry(): void {
    clearTimeout(retryTimer);
    engine.onceUp.delete(retry);
  }

  function makePublishesWait(attempt: Promise<void>): void {
    connecting.add(attempt);
    void attempt.then(() => connecting.delete(attempt));
  }

  makePublishesWait(connect(options.start));

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
  { topic, onGap, onError, ...options }: SubscriberOptions,
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

  /** A backend may not have checked its data. Data that cannot be parsed must not end the subscriber. */
  function read(message: LogMessage): (() => unknown) | undefined {
    try {
      return options.read(message, engine.local.epoch());
    } catch (cause) {
      onError(unreadableError(nameOf(message, message), cause as Error));
      return undefined;
    }
  }

  function report(cause: unknown): void {
    const text = `A subscriber of "${topic}" threw; the others continue.`;
    onError(new SseBusError("LISTENER_FAILED", text, { cause }));
  }

  return {
    write({ gap, messages }) {
      if (gap) call(() => (onGap ? onGap(gap) : onError(gapError(gap))));
      for (const message of messages) {
        if (state.isEnded) break;
        const run = read(message);
        if (run) call(run);
      }
      return true;
    },
    end() {
      state.isEnded = true;
    },
  };
}

/** The newest position that this process knows of. */
function headOf(engine: Engine): Start {
  if (!isOpen(engine)) return "now";
  const head = newestHead(engine);
  return { cursor: formatCursor(head, head.epoch) };
}

/** A {@link SubscriberOptions.read} for a listener of the application. */
export function readFor(
  listener: (data: never, message: never) => unknown,
): SubscriberOptions["read"] {
  return (message, epoch) => {
    const whole = toMessage(message, epoch);
    return () => listener(whole.data as never, whole as never);
  };
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
