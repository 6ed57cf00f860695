import type { Transport } from "./transport.ts";

/** The bytes of one send, and how many may be on their way at once. */
const MAX_BATCH_BYTES = 262_144;
const MAX_IN_FLIGHT_BYTES = 1_048_576;

/**
 * Frames on their way to another process, in order. The transport gets a few at a time. What the other process
 * has not read waits here, where it can be counted and withdrawn, and not as copies inside Node.js.
 */
export interface Outbox<Frame> {
  /** Frames added in one turn are sent together: each send costs a system call. */
  add(frame: Frame): void;
  /** Bytes that the other process has not read, roughly. */
  waitingBytes(): number;
  /** Resolves once `waitingBytes` is at most this, or when the transport is closed. */
  untilBelow(bytes: number): Promise<void>;
  /** Removes frames that have not been passed to the transport. */
  withdraw(isUnwanted: (frame: Frame) => boolean): void;
  /** Drops everything that has not been sent. */
  close(): void;
}

export function createOutbox<Frame>(transport: Transport): Outbox<Frame> {
  let queue: { readonly frame: Frame; readonly bytes: number }[] = [];
  let queuedBytes = 0;
  let inFlightBytes = 0;
  let isScheduled = false;
  let isClosed = false;
  let waiters: { readonly bytes: number; resolve(): void }[] = [];

  const waitingBytes = (): number => queuedBytes + inFlightBytes;

  function flush(): void {
    isScheduled = false;
    while (!isClosed && queue.length > 0 && inFlightBytes < MAX_IN_FLIGHT_BYTES) sendBatch();
  }

  function sendBatch(): void {
    let bytes = 0;
    let count = 0;
    for (const next of queue) {
      if (count > 0 && bytes + next.bytes > MAX_BATCH_BYTES) break;
      bytes += next.bytes;
      count++;
    }
    const batch = queue.slice(0, count);
    queue = queue.slice(count);
    queuedBytes -= bytes;
    inFlightBytes += bytes;
    transport.send(
      batch.map(({ frame }) => frame),
      () => onSent(bytes),
    );
  }

  function onSent(bytes: number): void {
    inFlightBytes -= bytes;
    if (queue.length > 0 && !isScheduled) flush();
    wake();
  }

  function wake(): void {
    if (waiters.length === 0) return;
    const left = isClosed ? Number.NEGATIVE_INFINITY : waitingBytes();
    const ready = waiters.filter(({ bytes }) => left <= bytes);
    waiters = waiters.filter(({ bytes }) => left > bytes);
    for (const { resolve } of ready) resolve();
  }

  return {
    add(frame) {
      if (isClosed) return;
      const bytes = sizeOf(frame);
      queue.push({ frame, bytes });
      queuedBytes += bytes;
      if (isScheduled) return;
      isScheduled = true;
      queueMicrotask(flush);
    },
    waitingBytes,
    untilBelow: async (bytes) => {
      if (isClosed || waitingBytes() <= bytes) return;
      await new Promise<void>((resolve) => waiters.push({ bytes, resolve }));
    },
    withdraw(isUnwanted) {
      queue = queue.filter(({ frame }) => !isUnwanted(frame));
      queuedBytes = queue.reduce((sum, { bytes }) => sum + bytes, 0);
      wake();
    },
    close() {
      isClosed = true;
      queue = [];
      queuedBytes = 0;
      wake();
    },
  };
}

/** What a field, an element or a number costs in transit, roughly. */
const FIELD_BYTES = 8;

/** The size of plain data, roughly. */
export function sizeOf(value: unknown): number {
  if (typeof value === "string") return FIELD_BYTES + value.length;
  if (value instanceof Uint8Array) return FIELD_BYTES + value.length;
  if (typeof value !== "object" || value === null) return FIELD_BYTES;
  let bytes = FIELD_BYTES;
  for (const field of Object.values(value)) bytes += sizeOf(field);
  return bytes;
}
