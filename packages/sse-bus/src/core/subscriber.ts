import type { Message } from "./bus-types.ts";
import { closeReader, type Engine, newestHead } from "./engine.ts";
import { SseBusError } from "./errors.ts";
import { type LogMessage, messageData, messageId } from "./message.ts";
import { openReader, type Start } from "./open-reader.ts";
import type { Gap } from "./packet.ts";
import { formatCursor } from "./position.ts";
import type { Sink } from "./reader.ts";
import { startTimeout } from "./timers.ts";

/** A reader in this process: the sink that calls a function. */
export interface Subscriber {
  /** Idempotent; the listener is not called again. */
  close(): void;
}

export interface SubscriberOptions {
  readonly listener: (data: never, message: never) => unknown;
  readonly topic: string;
  readonly after: string | undefined;
  readonly onGap: ((gap: Gap) => void) | undefined;
  readonly onError: (error: Error) => void;
  /** Listeners that are being connected: publishes wait for them. */
  readonly opening: Set<Promise<void>>;
}

/** For what the backend does not tell the end of: a topic refused, a server never reached yet. */
const MIN_RETRY_MS = 250;
const MAX_RETRY_MS = 5000;

/**
 * Connects a listener, and goes on trying where the server is away. What is published from the
 * moment of the call reaches it, then, or a gap is told.
 */
export function createSubscriber(engine: Engine, options: SubscriberOptions): Subscriber {
  const { listener, topic, onGap, onError, opening } = options;
  const after = options.after ?? headOf(engine);
  let isOpen = true;
  let failures = 0;
  let lastFailure: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let close = (): void => {};

  const call = (run: () => unknown): void => {
    if (!isOpen) return;
    try {
      const result = run();
      if (result instanceof Promise) result.catch(fail);
    } catch (cause) {
      fail(cause);
    }
  };
  const fail = (cause: unknown): void =>
    onError(
      new SseBusError("LISTENER_FAILED", `A listener of "${topic}" threw; others go on.`, {
        cause,
      }),
    );

  const sink: Sink = {
    write(packet) {
      const { gap } = packet;
      if (gap) call(() => (onGap ? onGap(gap) : onError(gapError(gap))));
      for (const message of packet.messages) {
        const whole = toMessage(message, engine.local.epoch());
        call(() => listener(whole.data as never, whole as never));
      }
      return true;
    },
    end() {
      isOpen = false;
    },
  };

  async function connect(start: Start): Promise<void> {
    try {
      const { reader } = await openReader(engine, {
        topics: [topic],
        start,
        sink,
        isLocal: true,
        isReady: true,
      });
      close = () => closeReader(engine, reader);
      if (!isOpen) close();
    } catch (cause) {
      // That a bus was closed meanwhile is no failure.
      if (isOpen && !engine.isClosed) retryLater(cause as Error);
    }
  }

  function retryLater(cause: Error): void {
    const delayMs = Math.min(MAX_RETRY_MS, MIN_RETRY_MS * 2 ** failures++);
    engine.onceUp.add(retry);
    timer = startTimeout(retry, delayMs * (0.5 + Math.random() / 2));
    // An outage is told once, not with every attempt.
    const isNews = cause.message !== lastFailure;
    lastFailure = cause.message;
    if (isNews) onError(cause);
  }

  function retry(): void {
    clearTimeout(timer);
    engine.onceUp.delete(retry);
    // What is published meanwhile is read from history, if there is a position to read from.
    if (after === undefined) hold(connect("now"));
    else void connect({ cursor: after });
  }

  function hold(attempt: Promise<void>): void {
    opening.add(attempt);
    void attempt.then(() => opening.delete(attempt));
  }

  hold(connect(options.after === undefined ? "now" : { cursor: options.after }));

  return {
    close() {
      isOpen = false;
      clearTimeout(timer);
      engine.onceUp.delete(retry);
      close();
    },
  };
}

/** Where the log stands, as far as this process knows. */
function headOf(engine: Engine): string | undefined {
  if (!engine.isOpened) return undefined;
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
    `${missing} on ${channels.join(", ")} could not be recovered (${reason}): load the state anew, keep more \`history\`, or pass \`onGap\`.`,
  );
}
