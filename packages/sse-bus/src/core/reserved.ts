import { type Admission, createAdmission } from "./admission.ts";
import type { Stored } from "./backend.ts";
import { attachmentOf, type BusInternals } from "./bus-internals.ts";
import { isReserved, isStoredChannel } from "./channel-name.ts";
import { readerCursor } from "./cohort.ts";
import { assertOpen, provenHead } from "./engine.ts";
import { SseBusError } from "./errors.ts";
import { assertKey, assertReservedEvent, idempotencyId, messageData } from "./message.ts";
import type { Gap } from "./packet.ts";
import { type Cursor, parseCursor, type Position } from "./position.ts";
import { publishOwn } from "./publish-own.ts";
import { createSubscriber } from "./subscriber.ts";

export { isReserved };

/** A message of a reserved channel, besides its data. */
export interface ReservedMessage extends Cursor {
  readonly event: string;
  readonly key?: string;
}

/** Options of {@link publishReserved}. */
export interface ReservedPublishOptions {
  /** A newer message with the same channel and key supersedes this one. */
  readonly key?: string | undefined;
  /** Idempotency id: the second publish of an id on a channel stores nothing. */
  readonly id?: string | undefined;
}

/** Options of {@link subscribeReserved}. */
export interface ReservedSubscribeOptions {
  /** Start after this cursor. Without it, the subscription starts at the head. */
  readonly after?: string | undefined;
  /** Start with the oldest message that is kept. */
  readonly from?: "earliest" | undefined;
  /** Called before the messages after a loss. */
  readonly onGap: (gap: Gap) => void;
}

/** A subscription to a reserved channel. */
export interface ReservedSubscription {
  /**
   * Resolves once the subscription is live: everything up to this cursor was delivered, or is before
   * `from`. Waits while the backend is unavailable. Rejects with `BUS_CLOSED` if the subscription ends first.
   */
  readonly live: Promise<ReservedStart>;
  /** Idempotent. The listener is not called again. */
  close(): void;
}

/** Where a subscription to a reserved channel is once it is live. */
export interface ReservedStart extends Cursor {
  /** The position that it started after. Everything since then was delivered, unless a gap was reported. */
  readonly from: Position;
}

/**
 * Publishes to a reserved channel. Unlike `bus.publish`, it validates nothing and counts nothing. The order
 * of calls is kept.
 *
 * @throws SseBusError `INVALID_CHANNEL`, `INVALID_EVENT_NAME`, `INVALID_KEY`, `INVALID_ID`, `INVALID_DATA`,
 * `MESSAGE_TOO_LARGE`, `BACKEND_UNAVAILABLE`, `BUS_CLOSED`
 */
export async function publishReserved(
  internals: BusInternals,
  channel: string,
  event: string,
  data: unknown,
  { key, id }: ReservedPublishOptions = {},
): Promise<Stored> {
  assertOpen(internals.engine);
  assertReserved(channel);
  assertReservedEvent(event);
  if (key !== undefined) assertKey(key);
  const checkedId = id === undefined ? undefined : idempotencyId(id, undefined);
  const { admit } = ownPublishesOf(internals);
  return publishOwn(internals, data, { channel, event, key, id: checkedId, admit });
}

/**
 * Subscribes to a reserved channel: calls `listener` for each message, in order. It receives every message
 * that this process publishes after the call, and retries while the backend is unavailable, like
 * `bus.subscribe`. It is no subscriber in `bus.stats()`, and closes with the bus.
 *
 * Other programs can write to a shared log. So check the data before you use it.
 *
 * @throws SseBusError `INVALID_CHANNEL`, `BUS_CLOSED`
 */
export function subscribeReserved(
  internals: BusInternals,
  channel: string,
  listener: (data: unknown, message: ReservedMessage) => unknown,
  { after, from, onGap }: ReservedSubscribeOptions,
): ReservedSubscription {
  const { engine, onError, ownSubscribers } = internals;
  assertOpen(engine);
  assertReserved(channel);
  let resolveLive!: (start: ReservedStart) => void;
  let rejectLive!: (error: Error) => void;
  const live = new Promise<ReservedStart>((resolve, reject) => {
    resolveLive = resolve;
    rejectLive = reject;
  });
  // Not everybody waits for it.
  live.catch(() => {});
  const subscriber = createSubscriber(engine, {
    topic: channel,
    start: after === undefined ? (from ?? "now") : { cursor: after },
    read(message, epoch) {
      const { event, key, seq, time } = message;
      const data = messageData(message);
      const received = { event, ...(key !== undefined && { key }), seq, time, epoch };
      return () => listener(data, received);
    },
    onLive({ reader, cursor }) {
      const { seq, time } = readerCursor(reader);
      const start = parseCursor(cursor) ?? { seq: 0, time: 0 };
      resolveLive({
        seq,
        time,
        epoch: provenHead(engine).epoch,
        from: { seq: start.seq, time: start.time },
      });
    },
    onGap,
    onError,
    connecting: ownPublishesOf(internals).connecting,
  });
  const entry = {
    close() {
      ownSubscribers.delete(entry);
      subscriber.close();
      rejectLive(new SseBusError("BUS_CLOSED", `The subscription to "${channel}" was closed.`));
    },
  };
  ownSubscribers.add(entry);
  return { live, close: entry.close };
}

/** Publishes to reserved channels wait for the process's own subscriptions to them, and for no others. */
interface OwnPublishes {
  readonly admit: Admission;
  readonly connecting: Set<Promise<void>>;
}

const ATTACHMENT = "reserved";

function ownPublishesOf(internals: BusInternals): OwnPublishes {
  return attachmentOf(internals, ATTACHMENT, () => {
    const connecting = new Set<Promise<void>>();
    return { admit: createAdmission(internals.engine, connecting), connecting };
  });
}

function assertReserved(channel: string): void {
  if (isStoredChannel(channel) && isReserved(channel)) return;
  throw new SseBusError(
    "INVALID_CHANNEL",
    `Reserved channel ${JSON.stringify(channel.slice(0, 80))} must be ~ and 1 to 219 of A-Z a-z 0-9 . _ ~ : / -.`,
  );
}
