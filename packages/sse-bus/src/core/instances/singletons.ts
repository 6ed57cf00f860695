import type { InstanceTable } from "./instance-table.ts";
import { isFree, type SingletonState } from "./lease-fold.ts";
import { createLazyTimer, type LazyTimer } from "../timers.ts";

/**
 * Names that one instance at a time holds. An instance claims a free name in its lease message, and holds
 * it once the message has returned and all that was stored before it allows the claim. The holder's lease
 * messages renew all its holds.
 */
export interface Singletons {
  /**
   * Wants a name, and calls `onChange` when {@link SingletonRequest.fence} has changed. All requests for a
   * name in a process share one hold. The process must have joined the table.
   */
  request(name: string, onChange: () => void): SingletonRequest;
}

export interface SingletonRequest {
  /** The fencing number of the hold, if this instance holds the name now: greater than all before it. */
  readonly fence: number | undefined;
  /** Idempotent. The last request's release frees the name for the others. */
  release(): void;
}

/** Claims of several instances are spread over this part of a lease, so that most see the first one. */
const JITTER = 0.02;

interface Candidate {
  readonly name: string;
  readonly listeners: Set<() => void>;
  /** Held, as this instance knows it. */
  fence: number | undefined;
  /** Of the first message with the claim; a newer one of this instance has returned once it is judged. */
  claimedAt: number;
  isWaiting: boolean;
  readonly wait: LazyTimer;
}

export function createSingletons(table: InstanceTable): Singletons {
  const { own } = table;
  const { hold, claim } = own.content;
  const candidates = new Map<string, Candidate>();

  function evaluate(candidate: Candidate): void {
    const { name } = candidate;
    const state = table.names().get(name);
    if (candidate.fence !== undefined) {
      if (isOwn(state, candidate.fence)) return;
      drop(candidate);
    }
    const claimed = claim.get(name);
    if (claimed !== undefined) {
      if (state?.holder === own.id && state.fence === claimed) {
        // Its own message may return before the answer that makes the lease valid.
        if (own.isValid()) win(candidate, claimed);
        return;
      }
      if (!isJudged(candidate)) return;
      // The others may have accepted what this instance could not judge.
      claim.delete(name);
      own.update();
    }
    if (canClaim(state)) claimSoon(candidate);
  }

  /** Only an instance that takes over, or a message that frees it, ends a hold: not one that was missed. */
  function isOwn(state: SingletonState | undefined, fence: number): boolean {
    if (state?.fence !== fence || state.lastHolder !== own.id) return false;
    return state.holder === own.id || state.holder === undefined;
  }

  function canClaim(state: SingletonState | undefined): boolean {
    return table.isComplete() && (!state || isFree(state, table.now()));
  }

  function isJudged({ claimedAt }: Candidate): boolean {
    return (table.live().get(own.id)?.n ?? 0) >= claimedAt;
  }

  function claimSoon(candidate: Candidate): void {
    if (candidate.isWaiting) return;
    candidate.isWaiting = true;
    candidate.wait.start(Math.random() * JITTER * table.leaseMs);
  }

  function claimNow(candidate: Candidate): void {
    candidate.isWaiting = false;
    const { name } = candidate;
    const state = table.names().get(name);
    if (candidate.fence !== undefined || claim.has(name) || candidates.get(name) !== candidate)
      return;
    if (!canClaim(state)) return;
    // The log's time grows even when the log loses its data.
    claim.set(name, Math.max((state?.fence ?? 0) + 1, Math.floor(table.now())));
    candidate.claimedAt = own.sent + 1;
    own.update();
  }

  function win(candidate: Candidate, fence: number): void {
    claim.delete(candidate.name);
    hold.set(candidate.name, fence);
    candidate.fence = fence;
    notify(candidate);
  }

  function drop(candidate: Candidate): void {
    hold.delete(candidate.name);
    claim.delete(candidate.name);
    if (candidate.fence === undefined) return;
    candidate.fence = undefined;
    own.update();
    notify(candidate);
  }

  function notify({ listeners }: Candidate): void {
    for (const listener of listeners) listener();
  }

  table.onChange((change) => {
    if (change === "topics") return;
    for (const candidate of candidates.values()) {
      if (change === "lost") drop(candidate);
      else evaluate(candidate);
    }
  });

  function createCandidate(name: string): Candidate {
    const candidate: Candidate = {
      name,
      listeners: new Set(),
      fence: undefined,
      claimedAt: 0,
      isWaiting: false,
      wait: createLazyTimer(() => claimNow(candidate)),
    };
    candidates.set(name, candidate);
    return candidate;
  }

  return {
    request(name, onChange) {
      const candidate = candidates.get(name) ?? createCandidate(name);
      candidate.listeners.add(onChange);
      evaluate(candidate);
      return {
        get fence() {
          return candidate.fence;
        },
        release() {
          if (!candidate.listeners.delete(onChange) || candidate.listeners.size > 0) return;
          candidates.delete(name);
          candidate.wait.stop();
          const wasHeld = hold.delete(name);
          const wasClaimed = claim.delete(name);
          if (wasHeld || wasClaimed) own.update();
          candidate.fence = undefined;
        },
      };
    },
  };
}
