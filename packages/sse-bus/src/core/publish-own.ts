import type { Admission } from "./admission.ts";
import type { Stored } from "./backend.ts";
import type { BusInternals } from "./bus-internals.ts";
import { isReserved } from "./channel-name.ts";
import { encodeData } from "./encode-data.ts";
import { isClosed, notePublished } from "./engine.ts";

/** A message of one of the package's own features. */
export interface OwnMessage {
  readonly channel: string;
  readonly event: string;
  /** A newer message with the same channel and key supersedes this one. */
  readonly key?: string | undefined;
  /** Idempotency id: the second publish of an id on a channel stores nothing. */
  readonly id?: string | undefined;
  /** What it waits for. @default the subscriptions of the application, as every publish does */
  readonly admit?: Admission;
}

/** Bytes of one message's data, whatever the application's `maxMessageBytes` says. */
const MAX_DATA_BYTES = 262_144;

/**
 * Publishes what a feature of the package has to say, on a reserved channel or on one that the application reads.
 * The application's `schemas` do not apply, because they do not know its data. It also works while the bus is
 * closing, before its backend is closed. The order of calls is kept.
 *
 * @throws SseBusError `INVALID_DATA`, `MESSAGE_TOO_LARGE`, `BACKEND_UNAVAILABLE`, `BUS_CLOSED`
 */
export async function publishOwn(
  internals: BusInternals,
  data: unknown,
  { channel, event, key, id, admit = internals.admit }: OwnMessage,
): Promise<Stored> {
  const { engine } = internals;
  const encoded = encodeData(data, false, MAX_DATA_BYTES);
  const publish = async (): Promise<Stored> =>
    engine.backend.publish({ channel, event, key, id, ...encoded });
  const stored = isClosed(engine) ? await publish() : await admit(publish);
  if (!stored.duplicate && !isReserved(channel)) engine.counters.published++;
  notePublished(engine, stored);
  return stored;
}
