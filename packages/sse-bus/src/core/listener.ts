import type { Message } from "./bus-types.ts";
import { closeReader, type Engine } from "./engine.ts";
import { SseBusError } from "./errors.ts";
import { type LogMessage, messageData, messageId } from "./message.ts";
import { openReader } from "./open-reader.ts";
import type { Gap } from "./packet.ts";
import type { Sink } from "./reader.ts";

/** A reader in this process: the sink that calls a function. */
export interface LocalListener {
  /** Whether the subscription is live, once that is known; never rejects. */
  readonly opened: Promise<boolean>;
  /** Idempotent; the listener is not called again. */
  close(): void;
}

export interface ListenerOptions {
  readonly listener: (data: never, message: never) => unknown;
  readonly topic: string;
  readonly after: string | undefined;
  readonly onGap: ((gap: Gap) => void) | undefined;
  readonly onError: (error: Error) => void;
}

export function createListener(engine: Engine, options: ListenerOptions): LocalListener {
  const { listener, topic, after, onGap, onError } = options;
  let isOpen = true;
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

  const opened = openReader(engine, {
    topics: [topic],
    start: after === undefined ? "now" : { cursor: after },
    sink,
    isLocal: true,
    isReady: true,
  }).then(
    ({ reader }) => {
      close = () => closeReader(engine, reader);
      if (!isOpen) close();
      return true;
    },
    (cause: unknown) => {
      // That a bus was closed meanwhile is no failure.
      if (isOpen && !engine.isClosed) onError(cause as Error);
      return false;
    },
  );

  return {
    opened,
    close() {
      isOpen = false;
      close();
    },
  };
}

function toMessage(message: LogMessage, epoch: string): Message {
  const { channel, event, key, time } = message;
  return {
    id: messageId(message, epoch, channel),
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
