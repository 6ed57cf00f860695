import { type AbsencesOptions, createAbsences } from "../instances/absences.ts";
import type { GoneHow } from "../instances/lease-fold.ts";
import { createLazyTimer } from "../timers.ts";
import type { PresenceEvent } from "./contribution.ts";
import type { Follower } from "./follower.ts";

/**
 * Publishes `gone` for instances that have ended, so that their members leave for everybody at the same
 * position. An instance that died leaves immediately, since its lease has expired. One that was shut down
 * leaves after the grace: its clients are on their way to another instance.
 */
export interface Reaper {
  /** Another instance has ended. */
  noteGone(instance: string, how: GoneHow): void;
  /** An instance that has ended has published a member at `seq`: publishes again that it has ended. */
  noteReturned(channel: string, instance: string, seq: number): void;
  /** Idempotent. */
  stop(): void;
}

export interface ReaperOptions {
  readonly followers: () => Iterable<Follower>;
  /** Whether an instance is alive, as far as is known. */
  readonly isLive: (instance: string) => boolean;
  readonly leaseMs: number;
  readonly graceMs: () => number;
  readonly send: (
    channel: string,
    event: PresenceEvent,
    id: string,
  ) => Promise<{ readonly seq: number; readonly duplicate: boolean }>;
  /** See {@link AbsencesOptions}. */
  readonly sendEnd: AbsencesOptions["sendEnd"];
  readonly onError: (error: Error) => void;
}

/** One of several instances that live publishes it first; the others find it done. */
const MAX_JITTER_MS = 100;

export function createReaper(options: ReaperOptions): Reaper {
  const { followers, isLive, leaseMs, graceMs, send, sendEnd, onError } = options;
  const absent = createAbsences({ leaseMs, sendEnd, onError: report });
  const sending = new Set<string>();
  const periodMs = Math.max(20, leaseMs / 5);
  const timer = createLazyTimer(check);
  let isStopped = false;

  function schedule(ms: number): void {
    if (!isStopped) timer.start(ms);
  }

  function check(): void {
    const present = new Set<string>();
    for (const follower of followers()) {
      if (!follower.isReady) continue;
      for (const [instance, hasOwnMembers] of follower.instances()) {
        if (isLive(instance)) continue;
        present.add(instance);
        if (isOver(instance, hasOwnMembers)) void reap(follower, instance);
      }
    }
    absent.prune(present, leaseMs);
    schedule(periodMs);
  }

  function isOver(instance: string, hasOwnMembers: boolean): boolean {
    const { since, how } = absent.find(instance);
    if (how !== "ended") return how === "expired";
    // Without members of its own, they have all arrived elsewhere, so nobody leaves.
    return !hasOwnMembers || performance.now() - since >= graceMs();
  }

  function report(error: unknown): void {
    if (!isStopped) onError(error as Error);
  }

  async function reap(follower: Follower, instance: string): Promise<void> {
    const key = `${follower.channel} ${instance}`;
    if (sending.has(key)) return;
    sending.add(key);
    try {
      const event = { type: "gone", i: instance } as const;
      const stored = await send(follower.channel, event, `gone/${instance}`);
      if (stored.duplicate && stored.seq <= follower.from) {
        // It was published before this process followed the channel: then the instance returned for a moment.
        await send(follower.channel, event, `gone/${instance}/${follower.from}`);
      }
      if (stored.duplicate) follower.remove(instance);
    } catch (error) {
      // The next check tries again.
      report(error);
    } finally {
      sending.delete(key);
    }
  }

  schedule(periodMs);

  return {
    noteGone(instance, how) {
      absent.note(instance, how);
      schedule(Math.min(periodMs, Math.random() * MAX_JITTER_MS));
    },
    noteReturned(channel, instance, seq) {
      const event = { type: "gone", i: instance } as const;
      send(channel, event, `gone/${instance}/${seq}`).catch(report);
    },
    stop() {
      isStopped = true;
      timer.stop();
    },
  };
}
