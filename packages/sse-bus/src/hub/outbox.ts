import type { Link } from "./rpc.ts";

/** What is handed to the link at a time, and what it may hold without having sent it. */
const MAX_BATCH_BYTES = 262_144;
const MAX_IN_FLIGHT_BYTES = 1_048_576;

/**
 * Frames on their way to a link, in order. The link is handed a few at a time: what the other process
 * does not take waits here, where it can be counted and withdrawn, and not as copies inside Node.js.
 */
export interface Outbox<Frame> {
  /** What is added in one turn leaves together: each send costs a system call. */
  add(frame: Frame): void;
  /** Bytes that the other process has not taken, roughly. */
  waitingBytes(): number;
  /** Resolves once there are no more of them than this, or when the link is lost. */
  untilBelow(bytes: number): Promise<void>;
  /** Takes back frames that the link has not been handed. */
  withdraw(isUnwanted: (frame: Frame) => boolean): void;
  /** The link is lost: nothing is sent any more. */
  close(): void;
}

export function createOutbox<Frame>(link: Link): Outbox<Frame> {
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
    link.send(
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

/** What a field, an element or a number costs on its way, roughly. */
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
