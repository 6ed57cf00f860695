import type { Stored } from "../backend.ts";
import type { BusInternals } from "../bus-internals.ts";
import { CONTROL_CHANNEL } from "../channel-name.ts";
import { encodeData } from "../encode-data.ts";
import { isClosed } from "../engine.ts";
import { isPosition } from "../position.ts";
import { createServerClock } from "../server-clock.ts";
import { createLazyTimer, settlesWithin } from "../timers.ts";
import { type ControlChannel, createControlChannel } from "./control-channel.ts";
import {
  createLeaseFold,
  type FoldChange,
  type GoneHow,
  type LeaseFold,
  type Peer,
} from "./lease-fold.ts";
import { readEndMessage, readLeaseMessage } from "./lease-message.ts";
import { createOwnLease, type OwnLease } from "./own-lease.ts";

/** The instances of a bus, as the log tells of them; see {@link LeaseFold}. */
export interface InstanceTable {
  readonly control: ControlChannel;
  /** This process's own lease. */
  readonly own: OwnLease;
  /** This instance. It gets another id when its lease has expired, or was left and joined again. */
  readonly id: string;
  /**
   * Keeps a lease, so that the others know this instance. Costs three small messages per lease, however
   * many features join.
   *
   * @returns a function that leaves; idempotent
   */
  join(): () => void;
  /** The instances that are alive, this one too once its first message has returned. */
  live(): ReadonlyMap<string, Peer>;
  /** Who holds which singleton. */
  names(): LeaseFold["names"];
  /** Every instance that holds something now is known. */
  isComplete(): boolean;
  /** The log's clock, in ms since 1970. */
  now(): number;
  /** How long an instance may be silent, in ms. */
  readonly leaseMs: number;
  /** Calls `listener` when another instance counts as gone. @returns removes it */
  onGone(listener: (id: string, how: GoneHow) => void): () => void;
  /** Calls `listener` when this instance continues with another id. @returns removes it */
  onNewId(listener: (oldId: string) => void): () => void;
  /** Calls `listener` after anything else here may have changed. @returns removes it */
  onChange(listener: (change: TableChange) => void): () => void;
  /** Calls `leave` as the bus closes or the server shuts down; the lease ends after it. @returns removes it */
  onLeave(leave: () => Promise<void> | void): () => void;
  /** The server shuts down: releases what this instance holds, and ends its lease. Idempotent. */
  retire(): Promise<void>;
}

/** `topics`: what the instances watch, or have demand for. `lost`: the own lease has ended. */
export type TableChange = "topics" | "names" | "lost";

const DEFAULT_LEASE_MS = 5000;
/** How long a bus that closes waits for the code that it runs. */
const MAX_LEAVE_MS = 500;
/** For tests: shorter leases. Set it among the attachments before the first use. */
const LEASE_SETTING = "leaseMs";

/** Makes the table of a bus. It is kept up to date from the time that the control channel is opened. */
export function createInstanceTable(internals: BusInternals): InstanceTable {
  const { engine, attachments, onError } = internals;
  const leaseMs = (attachments.get(LEASE_SETTING) as number | undefined) ?? DEFAULT_LEASE_MS;
  const control = createControlChannel(internals);
  const fold = createLeaseFold(leaseMs);
  const clock = createServerClock();
  const goneListeners = new Set<(id: string, how: GoneHow) => void>();
  const idListeners = new Set<(oldId: string) => void>();
  const changeListeners = new Set<(change: TableChange) => void>();
  const leaving = new Set<() => Promise<void> | void>();
  let retired: Promise<void> | undefined;
  const completion = createLazyTimer(() => changed("names"));

  const own = createOwnLease({
    leaseMs,
    onceUp: engine.onceUp,
    send: control.send,
    onStored(stored) {
      clock.sample(stored.time);
      changed("names");
    },
    onLost: () => changed("lost"),
    onNewId: (oldId) => idListeners.forEach((listener) => listener(oldId)),
    onError,
  });

  function now(): number {
    const now = engine.backend.now?.();
    // Nobody could read a lease message with a fencing number that is no time.
    if (now !== undefined && isPosition({ seq: 0, time: Math.floor(now) })) return now;
    return clock.now();
  }

  function changed(change: TableChange): void {
    for (const listener of changeListeners) listener(change);
  }

  function apply({ gone, isOfGone, hasNewTopics }: FoldChange, id: string): void {
    for (const { id: goneId, how } of gone) {
      if (goneId !== own.id) for (const listener of goneListeners) listener(goneId, how);
    }
    // What is stored by others in between may have ended it, before its own message returned.
    const isOwnEnd = gone.some(({ id: goneId }) => goneId === own.id);
    if (isOwnEnd || (isOfGone && id === own.id)) own.startAgain();
    if (hasNewTopics) changed("topics");
    changed("names");
  }

  function knowSince(time: number): void {
    fold.knowSince(time);
    completion.start(time + leaseMs - now() + 1);
  }

  control.on(
    "instance",
    (data, { time }) => {
      const message = readLeaseMessage(data);
      if (!message) return;
      clock.atLeast(time);
      apply(fold.lease(message, time), message.i);
    },
    { withHistory: true },
  );
  control.on(
    "end",
    (data, { time }) => {
      const id = readEndMessage(data);
      if (id !== undefined) apply(fold.end(id, time), id);
    },
    { withHistory: true },
  );
  control.onGap(() => {
    knowSince(now());
  });
  control.onceLive((hasAll) => {
    if (hasAll) fold.knowAll();
    else completion.start(leaseMs);
    changed("names");
  });

  async function leaveAll(): Promise<void> {
    const all = [...leaving].map(async (leave) => leave());
    leaving.clear();
    if (all.length > 0) await settlesWithin(Promise.allSettled(all), MAX_LEAVE_MS);
  }

  async function end(publish: (id: string) => Promise<Stored>): Promise<void> {
    completion.stop();
    const id = own.close();
    await leaveAll();
    if (id !== undefined && engine.backendStatus === "up") await publish(id);
  }

  /** Not through the bus, which is closing. */
  async function publishEnd(id: string): Promise<Stored> {
    const { json, raw } = encodeData({ i: id }, false, internals.maxMessageBytes);
    const message = { channel: CONTROL_CHANNEL, event: "end", key: undefined, json, raw };
    return engine.backend.publish({ ...message, id: undefined });
  }

  engine.beforeClose.add(async () => end(publishEnd));

  return {
    control,
    own,
    get id() {
      return own.id;
    },
    join: own.join,
    live: () => fold.peers,
    names: () => fold.names,
    isComplete: () => control.isLive && fold.isComplete(now()),
    now,
    leaseMs,
    onGone: (listener) => addTo(goneListeners, listener),
    onNewId: (listener) => addTo(idListeners, listener),
    onChange: (listener) => addTo(changeListeners, listener),
    onLeave: (leave) => addTo(leaving, leave),
    retire: async () => {
      if (isClosed(engine)) return;
      await (retired ??= end(async (id) => control.send("end", { i: id })).catch((error: Error) => {
        // The bus may have closed in the meantime, which ends the lease as well.
        if (!isClosed(engine)) onError(error);
      }));
    },
  };
}

function addTo<Item>(set: Set<Item>, item: Item): () => void {
  set.add(item);
  return () => void set.delete(item);
}
