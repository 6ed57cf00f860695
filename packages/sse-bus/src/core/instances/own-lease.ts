import type { Stored } from "../backend.ts";
import { SseBusError } from "../errors.ts";
import { createLazyTimer, withTimeout } from "../timers.ts";
import { createInstanceId } from "./instance-id.ts";
import type { Hold, LeaseMessage } from "./lease-message.ts";

/** This instance's lease: it publishes a message three times per lease, and when its content changes. */
export interface OwnLease {
  /** This instance, as the others know it. A process whose lease has expired continues with another id. */
  readonly id: string;
  /** What the lease message says. Call {@link update} after a change. */
  readonly content: LeaseContent;
  /** The `n` of the newest message that was sent, 0 if none was. */
  readonly sent: number;
  /**
   * Whether no other instance can count this one as gone yet. By this process's monotonic clock, from before
   * its newest stored message was sent: it ends a little before the lease does in the log's time.
   */
  isValid(): boolean;
  /** Keeps the lease until the returned function is called. The last one to leave ends it. */
  join(): () => void;
  /** Publishes the content at once, if the lease is kept. */
  update(): void;
  /** The others count this instance as gone: continues with another id. */
  startAgain(): void;
  /** Stops the timers and the messages. @returns the id to publish the end of, if the others know it */
  close(): string | undefined;
}

export interface LeaseContent {
  readonly watch: Set<string>;
  readonly demand: Set<string>;
  readonly hold: Map<string, number>;
  readonly claim: Map<string, number>;
}

export interface OwnLeaseOptions {
  readonly leaseMs: number;
  /** Called once each, when the backend is up again. */
  readonly onceUp: Set<() => void>;
  send(event: "instance" | "end", data: LeaseMessage | { readonly i: string }): Promise<Stored>;
  /** A lease message was stored. */
  onStored(stored: Stored): void;
  /** The lease has ended by this process's clock, and with it all holds. */
  onLost(): void;
  /** The lease continues with another id. */
  onNewId(oldId: string): void;
  onError(error: Error): void;
}

const MESSAGES_PER_LEASE = 3;
/** The part of a lease by which this instance stops before the others may take over. */
const MARGIN = 0.1;
const MIN_RETRY_MS = 100;

export function createOwnLease(options: OwnLeaseOptions): OwnLease {
  const { leaseMs, onceUp, send, onStored, onLost, onNewId, onError } = options;
  const content: LeaseContent = {
    watch: new Set(),
    demand: new Set(),
    hold: new Map(),
    claim: new Map(),
  };
  let id = createInstanceId();
  let users = 0;
  let sent = 0;
  let isSending = false;
  let isDirty = false;
  let isClosed = false;
  let sentAt = Number.NEGATIVE_INFINITY;
  let validUntil = Number.NEGATIVE_INFINITY;
  let newest: Stored | undefined;
  let failures = 0;
  let lastFailure: string | undefined;
  const renewal = createLazyTimer(renew);
  const deadline = createLazyTimer(checkDeadline);

  function isActive(): boolean {
    return users > 0 && !isClosed;
  }

  function update(): void {
    if (isDirty || !isActive()) return;
    isDirty = true;
    // All changes of this turn travel together.
    queueMicrotask(renew);
  }

  function renew(): void {
    // The process may have been paused: what it held may be held by another one by now.
    checkDeadline();
    if (isActive() && !isSending) void publish();
  }

  function checkDeadline(): void {
    if (validUntil === Number.NEGATIVE_INFINITY) return;
    const leftMs = validUntil - performance.now();
    if (leftMs > 0) return deadline.start(leftMs);
    validUntil = Number.NEGATIVE_INFINITY;
    onLost();
  }

  async function publish(): Promise<void> {
    isSending = true;
    isDirty = false;
    onceUp.delete(renew);
    const startedAt = (sentAt = performance.now());
    const own = { id, n: ++sent };
    try {
      const late = (): Error => noAnswer(leaseMs);
      const stored = await withTimeout(send("instance", toMessage(own)), leaseMs, late);
      failures = 0;
      lastFailure = undefined;
      if (own.id === id && isActive()) accept(stored, startedAt);
    } catch (error) {
      failures++;
      if (isActive()) reportOnce(error as Error);
    } finally {
      isSending = false;
      scheduleNext();
    }
  }

  function accept(stored: Stored, startedAt: number): void {
    const before = newest?.epoch === stored.epoch ? newest : undefined;
    // The others have counted it as gone in between.
    if (before && stored.time - before.time >= leaseMs) return startAgain();
    newest = stored;
    validUntil = startedAt + leaseMs * (1 - MARGIN);
    checkDeadline();
    onStored(stored);
  }

  function scheduleNext(): void {
    if (!isActive()) return;
    if (failures > 0) {
      onceUp.add(renew);
      const waitMs = Math.min(leaseMs / MESSAGES_PER_LEASE, MIN_RETRY_MS * 2 ** (failures - 1));
      return renewal.start(waitMs * (0.5 + Math.random() / 2));
    }
    if (isDirty) return renew();
    renewal.start(sentAt + leaseMs / MESSAGES_PER_LEASE - performance.now());
  }

  function toMessage({ id: i, n }: { id: string; n: number }): LeaseMessage {
    const { watch, demand, hold, claim } = content;
    return {
      i,
      n,
      leaseMs,
      watch: [...watch],
      demand: [...demand],
      hold: [...hold] satisfies Hold[],
      claim: [...claim] satisfies Hold[],
    };
  }

  /** An outage is reported once, not with every attempt. */
  function reportOnce(error: Error): void {
    if (error.message !== lastFailure) onError(error);
    lastFailure = error.message;
  }

  function takeNewId(): string {
    const oldId = id;
    id = createInstanceId();
    sent = 0;
    newest = undefined;
    validUntil = Number.NEGATIVE_INFINITY;
    deadline.stop();
    return oldId;
  }

  function sendEnd(oldId: string): void {
    send("end", { i: oldId }).catch((error: Error) => {
      // The others notice it when the lease expires.
      if (!isClosed) reportOnce(error);
    });
  }

  function startAgain(): void {
    if (isClosed) return;
    onLost();
    const wasKnown = sent > 0;
    const oldId = takeNewId();
    if (wasKnown) sendEnd(oldId);
    onNewId(oldId);
    update();
  }

  function leave(): void {
    if (--users > 0 || isClosed) return;
    renewal.stop();
    onceUp.delete(renew);
    isDirty = false;
    const wasKnown = sent > 0;
    const oldId = takeNewId();
    if (wasKnown) sendEnd(oldId);
  }

  return {
    get id() {
      return id;
    },
    content,
    get sent() {
      return sent;
    },
    isValid: () => performance.now() < validUntil,
    join() {
      users++;
      update();
      let hasLeft = false;
      return () => {
        if (hasLeft) return;
        hasLeft = true;
        leave();
      };
    },
    update,
    startAgain,
    close() {
      if (isClosed) return undefined;
      const wasKnown = isActive() && newest !== undefined;
      isClosed = true;
      renewal.stop();
      deadline.stop();
      onceUp.delete(renew);
      return wasKnown ? id : undefined;
    },
  };
}

function noAnswer(leaseMs: number): SseBusError {
  return new SseBusError(
    "BACKEND_UNAVAILABLE",
    `The backend did not answer within ${leaseMs} ms: this instance could not renew its lease, and the others may count it as gone. It tries again.`,
  );
}
