import type { BusInternals } from "../bus-internals.ts";
import { isClosed, provenHead } from "../engine.ts";
import { SseBusError } from "../errors.ts";
import type { Packet } from "../packet.ts";
import { formatCursor } from "../position.ts";
import { type ReservedSubscription, subscribeReserved } from "../reserved.ts";
import { PRESENCE_EVENT, presenceChannel, readPresenceEvent } from "./contribution.ts";
import {
  allContributions,
  applyEvent,
  applyStatement,
  beginSync,
  contributingInstances,
  createFold,
  endSync,
  memberOf,
  removeInstance,
  startOver,
} from "./fold.ts";
import { tooManyMembers } from "./local-members.ts";
import type { Member } from "./member.ts";
import { createMembersPackets } from "./members-packets.ts";
import type { PresenceChange, PresenceListener } from "./presence-types.ts";
import type { Sync } from "./sync.ts";

/** The presence of a channel, as this process knows it: one subscription and one fold for all who ask. */
export interface Follower {
  readonly channel: string;
  /** By id. */
  readonly members: ReadonlyMap<string, Member>;
  /** The instances that contribute, each with whether it is the only one to contribute some member. */
  instances(): ReadonlyMap<string, boolean>;
  /** Resolves once the set is complete, as far as the other instances answer within a second. */
  ready(): Promise<void>;
  readonly isReady: boolean;
  /** Calls `listener` with the whole set once it is known, then with each change. @returns removes it */
  listen(listener: PresenceListener): () => void;
  /** Called when events were lost: streams have missed them, too. */
  readonly onLoss: Set<() => void>;
  /**
   * Called when an instance has answered late, and so the set has changed without an event: streams have
   * an incomplete one.
   */
  readonly onLateAnswer: Set<() => void>;
  /** The frames that streams begin with, encoded once per change of the set. */
  packets(): readonly Packet[];
  /** Removes what an instance that has ended has contributed. */
  remove(instance: string): void;
  /** The position before which nothing was received. */
  readonly from: number;
  /** Idempotent. */
  close(): void;
}

/** One function may listen several times. */
interface ListenerEntry {
  readonly listener: PresenceListener;
  /** It was given the whole set. */
  hasSet: boolean;
}

export interface FollowerOptions {
  readonly internals: BusInternals;
  readonly sync: Sync;
  readonly maxMembers: number;
  /** Somebody has published that an instance has ended. */
  readonly onGone: (instance: string) => void;
  /**
   * An instance that has ended has published a member, as one does that was paused. Clients that came in
   * between do not know that it has ended.
   */
  readonly onReturned: (channel: string, instance: string, seq: number) => void;
}

export function createFollower(
  channel: string,
  { internals, sync, maxMembers, onGone, onReturned }: FollowerOptions,
): Follower {
  const { engine, onError } = internals;
  const fold = createFold(0, maxMembers);
  const members = new Map<string, Member>();
  const listeners = new Set<ListenerEntry>();
  const onLoss = new Set<() => void>();
  const onLateAnswer = new Set<() => void>();
  let isReady = false;
  let isReported = false;
  let isClosedNow = false;
  let from = Number.MAX_SAFE_INTEGER;
  let packets: readonly Packet[] | undefined;
  let packetsEpoch = "";
  /** Made when it is asked for; most of the time nothing changes between two checks of the reaper. */
  let instances: ReadonlyMap<string, boolean> | undefined;
  /** Counts losses: what was asked before the last one may not be complete. */
  let losses = 0;
  let ready: Promise<void>;

  const subscription: ReservedSubscription = subscribeReserved(
    internals,
    presenceChannel(channel),
    (data, { event, seq }) => {
      const read = event === PRESENCE_EVENT ? readPresenceEvent(data) : undefined;
      if (!read) return;
      if (read.type === "gone") onGone(read.i);
      const isOfGone = read.type !== "gone" && read.type !== "leave" && fold.gone.has(read.i);
      if (isOfGone) onReturned(channel, read.i, seq);
      note(applyEvent(fold, read, seq));
    },
    { onGap: () => void recover().catch(report) },
  );

  async function learn(): Promise<void> {
    const { seq } = await subscription.live;
    from = Math.min(from, seq);
    const asked = losses;
    beginSync(fold);
    await sync.ask(channel, {
      onStatement(statement) {
        if (isClosedNow || asked !== losses) return;
        const changed = applyStatement(fold, statement);
        note(changed);
        if (isReady && changed.length > 0) for (const each of onLateAnswer) call(each);
      },
      onOver() {
        if (asked === losses) endSync(fold);
      },
    });
    if (asked !== losses || isClosedNow) return;
    isReady = true;
    emit({ type: "members", members: [...members.values()] });
  }

  /** Events were lost, or the log has restarted. */
  async function recover(): Promise<void> {
    losses++;
    isReady = false;
    packets = instances = undefined;
    startOver(fold, 0);
    for (const each of onLoss) call(each);
    await (ready = learn());
  }

  /** The listeners learn what has changed; nothing while the set is not known. */
  function note(changed: readonly string[]): void {
    if (changed.length > 0) packets = instances = undefined;
    for (const id of changed) {
      const before = members.get(id);
      const member = memberOf(fold, id);
      if (member) members.set(id, member);
      else members.delete(id);
      if (!isReady) continue;
      if (member && !before) emit({ type: "join", member });
      else if (!member && before) emit({ type: "leave", member: before });
      else if (member && before && !isSame(member, before)) emit({ type: "update", member });
    }
    if (fold.isFull && !isReported) {
      isReported = true;
      onError(tooManyMembers(channel, maxMembers));
    }
  }

  function emit(change: PresenceChange): void {
    for (const entry of listeners) {
      entry.hasSet ||= change.type === "members";
      if (entry.hasSet) call(() => entry.listener(change));
    }
  }

  function listen(listener: PresenceListener): () => void {
    const entry: ListenerEntry = { listener, hasSet: false };
    listeners.add(entry);
    // Later, as with everything else that is delivered; a change in between is part of the set.
    queueMicrotask(() => {
      if (!isReady || entry.hasSet || !listeners.has(entry)) return;
      entry.hasSet = true;
      call(() => listener({ type: "members", members: [...members.values()] }));
    });
    return () => void listeners.delete(entry);
  }

  function call(run: () => void): void {
    try {
      run();
    } catch (cause) {
      const text = `A presence listener of "${channel}" threw; others continue.`;
      onError(new SseBusError("LISTENER_FAILED", text, { cause }));
    }
  }

  function report(error: unknown): void {
    if (!isClosedNow && !isClosed(engine)) onError(error as Error);
  }

  ready = learn();
  // The callers that wait for it handle the rejection.
  ready.catch(() => {});

  return {
    channel,
    members,
    listen,
    onLoss,
    onLateAnswer,
    ready: async () => {
      for (;;) {
        const awaited = ready;
        await awaited;
        // Events may have been lost in between.
        if (awaited === ready) return;
      }
    },
    get isReady() {
      return isReady;
    },
    get from() {
      return from;
    },
    packets() {
      // The fold must have everything that streams were given.
      engine.local.flusher.flush();
      const to = provenHead(engine);
      if (!packets || packetsEpoch !== to.epoch) {
        const at = formatCursor(to, to.epoch);
        packets = createMembersPackets(channel, allContributions(fold), { at, to });
        packetsEpoch = to.epoch;
      }
      return packets;
    },
    instances: () => (instances ??= contributingInstances(fold)),
    remove: (instance) => note(removeInstance(fold, instance)),
    close() {
      if (isClosedNow) return;
      isClosedNow = true;
      subscription.close();
      listeners.clear();
      onLoss.clear();
      onLateAnswer.clear();
    },
  };
}

function isSame(a: Member, b: Member): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
