import type { Hold, LeaseMessage } from "./lease-message.ts";

/**
 * What the lease messages add up to: which instances are alive, and which of them holds which singleton.
 *
 * It is computed from messages and their times in the log alone. All instances receive the same messages
 * in the same order, so all come to the same result, whatever their own clocks say. A silent instance
 * counts as gone with the first message that is stored a lease after its last one; since every instance that uses the
 * table publishes three per lease, that is soon.
 */
export interface LeaseFold {
  readonly peers: ReadonlyMap<string, Peer>;
  readonly names: ReadonlyMap<string, SingletonState>;
  /** Applies a lease message that was stored at `time` (ms since 1970, of the log). */
  lease(message: LeaseMessage, time: number): FoldChange;
  /** Applies an instance's end. */
  end(id: string, time: number): FoldChange;
  /**
   * Says that every message since `time` is known, and that earlier ones may be missing. Who holds what is
   * unknown then, until the holders' next messages. Claims are not judged for one lease, as a hold may be
   * among what is missing.
   */
  knowSince(time: number): void;
  /** Says that no message is missing. */
  knowAll(): void;
  /** All holds at this time are known. */
  isComplete(time: number): boolean;
}

/** An instance that is alive, as the others know it. */
export interface Peer {
  readonly id: string;
  readonly leaseMs: number;
  /** When its newest message was stored, in the log's time. */
  readonly seenAt: number;
  /** The `n` of that message. */
  readonly n: number;
  readonly watch: readonly string[];
  readonly demand: readonly string[];
}

/** Of a name that an instance holds, or has held. */
export interface SingletonState {
  /** The instance that holds it now. */
  readonly holder: string | undefined;
  /** The greatest fencing number so far, and the instance it belongs to. */
  readonly fence: number;
  readonly lastHolder: string;
  /** Until then, the claim of an instance may count that could not be judged. */
  readonly unclearUntil: number;
}

/** An instance ended in order, or was silent for a lease. */
export type GoneHow = "ended" | "expired";

export interface FoldChange {
  readonly gone: readonly { readonly id: string; readonly how: GoneHow }[];
  /** The message is of an instance that counts as gone already: it counts for nothing. */
  readonly isOfGone: boolean;
  /** The set of instances, or what one of them watches or has demand for, is another one. */
  readonly hasNewTopics: boolean;
}

const MAX_PEERS = 10_000;
const MAX_NAMES = 10_000;
const MAX_REMEMBERED = 10_000;
/** How long an instance that counts as gone, or the fence of a name that nobody holds, is remembered. */
const REMEMBER_MS = 600_000;
/** 100 years. */
const MAX_FENCE_AHEAD = 3_155_760_000_000;

interface MutablePeer {
  id: string;
  leaseMs: number;
  seenAt: number;
  n: number;
  watch: readonly string[];
  demand: readonly string[];
  readonly holds: Set<string>;
}

type MutableState = { -readonly [Key in keyof SingletonState]: SingletonState[Key] };

/** @param leaseMs of this instance; the others' are the same, unless a deploy changes it */
export function createLeaseFold(leaseMs: number): LeaseFold {
  const peers = new Map<string, MutablePeer>();
  const names = new Map<string, MutableState>();
  /** Instances that count as gone, by when, oldest first. */
  const departed = new Map<string, number>();
  /** No instance expires before. */
  let nextExpiry = Number.POSITIVE_INFINITY;
  let newest = 0;
  let completeFrom: number | undefined;

  function expire(time: number): { id: string; how: GoneHow }[] {
    if (time < newest) startAgainAt(time);
    newest = time;
    // Of a history, what is older than its first message is unknown.
    completeFrom ??= time + leaseMs;
    if (time < nextExpiry) return [];
    const gone: { id: string; how: GoneHow }[] = [];
    nextExpiry = Number.POSITIVE_INFINITY;
    for (const peer of peers.values()) {
      const expiry = peer.seenAt + peer.leaseMs;
      if (expiry > time) nextExpiry = Math.min(nextExpiry, expiry);
      else {
        remove(peer, time);
        gone.push({ id: peer.id, how: "expired" });
      }
    }
    forgetOld(time);
    return gone;
  }

  /** The log lost its data, and the clock of the new one is behind. */
  function startAgainAt(time: number): void {
    for (const peer of peers.values()) {
      peer.seenAt = Math.min(peer.seenAt, time);
      nextExpiry = Math.min(nextExpiry, peer.seenAt + peer.leaseMs);
    }
  }

  function remove(peer: MutablePeer, time: number): void {
    for (const name of peer.holds) release(peer, name);
    peers.delete(peer.id);
    noteDeparted(peer.id, time);
  }

  function noteDeparted(id: string, time: number): void {
    departed.set(id, time);
    if (departed.size > MAX_REMEMBERED) departed.delete(departed.keys().next().value as string);
  }

  function forgetOld(time: number): void {
    for (const [id, since] of departed) {
      if (since + REMEMBER_MS > time) break;
      departed.delete(id);
    }
    // A later fence is greater without it: fences are at least the log's time.
    for (const [name, { holder, fence, unclearUntil }] of names) {
      if (holder === undefined && Math.max(fence, unclearUntil) + REMEMBER_MS < time) {
        names.delete(name);
      }
    }
  }

  function release(peer: MutablePeer, name: string): void {
    peer.holds.delete(name);
    const state = names.get(name);
    if (state?.holder === peer.id) state.holder = undefined;
  }

  function take(peer: MutablePeer, name: string, fence: number): void {
    const state = names.get(name);
    if (!state) {
      if (names.size >= MAX_NAMES) return;
      names.set(name, { holder: peer.id, fence, lastHolder: peer.id, unclearUntil: 0 });
    } else {
      if (state.holder !== undefined) peers.get(state.holder)?.holds.delete(name);
      state.holder = state.lastHolder = peer.id;
      state.fence = fence;
      state.unclearUntil = 0;
    }
    peer.holds.add(name);
  }

  /** Its next message says whether it counts. */
  function noteUnclear(name: string, until: number): void {
    const state = names.get(name);
    if (state) state.unclearUntil = Math.max(state.unclearUntil, until);
    else if (names.size < MAX_NAMES) {
      names.set(name, { holder: undefined, fence: 0, lastHolder: "", unclearUntil: until });
    }
  }

  function applyHolds(peer: MutablePeer, message: LeaseMessage, time: number): void {
    // Another program may have written the message. A number near the greatest one would leave none for later holds.
    const isPossible = ([, fence]: Hold): boolean => fence <= time + MAX_FENCE_AHEAD;
    const hold = message.hold.filter(isPossible);
    const claim = message.claim.filter(isPossible);
    const wanted = new Map([...hold, ...claim]);
    for (const name of peer.holds) {
      if (wanted.get(name) !== names.get(name)?.fence) release(peer, name);
    }
    for (const [name, fence] of hold) {
      const state = names.get(name);
      // It was accepted before, by messages that this instance may have missed. Two holds of one name mean
      // that the older one is over.
      const isOwn = state?.fence === fence && state.lastHolder === peer.id;
      if (!state || state.fence < fence || isOwn) take(peer, name, fence);
    }
    for (const [name, fence] of claim) {
      const state = names.get(name);
      if (state?.holder === peer.id && state.fence === fence) continue;
      if (state?.holder !== undefined || (state && state.fence >= fence)) continue;
      const isClear = isComplete(time) && (!state || isFree(state, time));
      if (isClear) take(peer, name, fence);
      else noteUnclear(name, time + peer.leaseMs);
    }
  }

  function isComplete(time: number): boolean {
    return completeFrom !== undefined && time >= completeFrom;
  }

  return {
    peers,
    names,
    isComplete,
    lease(message, time) {
      const { i: id, n, watch, demand } = message;
      const gone = expire(time);
      if (departed.has(id)) return { gone, isOfGone: true, hasNewTopics: gone.length > 0 };
      const known = peers.get(id);
      if ((known && n <= known.n) || (!known && peers.size >= MAX_PEERS)) {
        return { gone, isOfGone: false, hasNewTopics: gone.length > 0 };
      }
      const peer = known ?? createPeer(message, time);
      const hasNewTopics = !known || !areEqual(peer.watch, watch) || !areEqual(peer.demand, demand);
      Object.assign(peer, { leaseMs: message.leaseMs, seenAt: time, n, watch, demand });
      peers.set(id, peer);
      nextExpiry = Math.min(nextExpiry, time + message.leaseMs);
      applyHolds(peer, message, time);
      return { gone, isOfGone: false, hasNewTopics: hasNewTopics || gone.length > 0 };
    },
    end(id, time) {
      const gone = expire(time);
      const peer = peers.get(id);
      if (peer) {
        remove(peer, time);
        gone.push({ id, how: "ended" });
      } else if (!departed.has(id)) noteDeparted(id, time);
      return { gone, isOfGone: false, hasNewTopics: gone.length > 0 };
    },
    knowAll() {
      completeFrom = 0;
    },
    knowSince(time) {
      completeFrom = time + leaseMs;
      for (const state of names.values()) state.holder = undefined;
      for (const peer of peers.values()) {
        peer.holds.clear();
        // Its messages may be among those that are missing.
        peer.seenAt = Math.max(peer.seenAt, time);
      }
    },
  };
}

/** Whether an instance may claim the name at this time. */
export function isFree({ holder, unclearUntil }: SingletonState, time: number): boolean {
  return holder === undefined && unclearUntil <= time;
}

function createPeer({ i, n, leaseMs, watch, demand }: LeaseMessage, time: number): MutablePeer {
  return { id: i, leaseMs, seenAt: time, n, watch, demand, holds: new Set() };
}

function areEqual(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
