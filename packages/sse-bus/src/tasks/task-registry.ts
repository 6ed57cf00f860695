import type { Stored } from "../core/backend.ts";
import type { BusInternals } from "../core/bus-internals.ts";
import { TASKS_CHANNEL } from "../core/channel-name.ts";
import { isClosed } from "../core/engine.ts";
import { SseBusError } from "../core/errors.ts";
import type { InstanceTable } from "../core/instances/instance-table.ts";
import { createLazyTimer, withTimeout } from "../core/timers.ts";
import { publishOwn } from "../core/publish-own.ts";
import { type ReservedMessage, subscribeReserved } from "../core/reserved.ts";
import { type ClaimMessage, createTaskClaims, readClaim } from "./task-claims.ts";

/**
 * Which instance runs which task, on all instances. An instance claims a task on a reserved channel; of several
 * claims of one task, the first one in the log counts. So a task runs once at a time, and when an instance dies, the
 * others know what it was running.
 */
export interface TaskRegistry {
  /** Everything that was claimed before is known. Retries while the backend is unavailable. */
  ready(): Promise<void>;
  /**
   * Claims a task for this instance, which has joined the instance table.
   *
   * @returns when the claim was stored, in ms since 1970; `undefined` if another claim came first
   * @throws SseBusError `BACKEND_UNAVAILABLE`, `BUS_CLOSED`
   */
  claim(channel: string): Promise<number | undefined>;
  /**
   * Ends a claim of this instance. Resolves once the others know it. If it rejects, the end is published once the
   * backend is up again.
   */
  release(channel: string): Promise<void>;
  /** Ends a claim of an instance that has died. */
  remove(channel: string, instance: string): Promise<void>;
  /** Publishes the claims of this instance again, so that the log keeps them, and checks whether they count. */
  announce(): void;
  /** The claims of other instances. */
  others(): Iterable<readonly [channel: string, instance: string]>;
  /** Calls `listener` when {@link others} has changed. */
  onChange(listener: () => void): void;
  /**
   * Calls `listener` for each claim of this instance that was published again: by {@link announce}, with another id
   * of this instance, because its lease had expired, and after the log may have lost messages. It says whether the
   * claim still counts, or another instance runs the task by now.
   */
  onRenewed(listener: (channel: string, isHeld: boolean) => void): void;
}

const EVENT = "claim";
/** How long a claim may take to return from the log. */
const MAX_WAIT_MS = 5000;
/** The longest wait before the end of a claim that could not be published is published again. */
const RETRY_MS = 5000;

export function createTaskRegistry(internals: BusInternals, table: InstanceTable): TaskRegistry {
  const { engine, onError } = internals;
  let claims = createTaskClaims();
  const held = new Set<string>();
  const waiting = new Map<number, Set<() => void>>();
  let reached = 0;
  const changeListeners = new Set<() => void>();
  const renewalListeners = new Set<(channel: string, isHeld: boolean) => void>();
  const retry = createLazyTimer(endStale);
  let subscription = subscribe();
  engine.beforeClose.add(() => retry.stop());

  function subscribe(): ReturnType<typeof subscribeReserved> {
    return subscribeReserved(internals, TASKS_CHANNEL, receive, {
      from: "earliest",
      onGap: reread,
    });
  }

  /** Messages are missing, or the log has lost its data: reads again what it keeps. */
  function reread(): void {
    subscription.close();
    if (isClosed(engine)) return;
    claims = createTaskClaims();
    reached = 0;
    subscription = subscribe();
    announce();
  }

  function receive(data: unknown, { event, seq }: ReservedMessage): void {
    const claim = event === EVENT ? readClaim(data) : undefined;
    if (claim) claims.apply(claim);
    reached = seq;
    for (const [wanted, resolvers] of waiting) {
      if (wanted > seq) continue;
      waiting.delete(wanted);
      for (const resolve of resolvers) resolve();
    }
    for (const listener of changeListeners) listener();
    // It was stored, though its answer was lost.
    if (claim?.on && claim.i === table.id && !held.has(claim.c)) void end(claim.c).catch(() => {});
  }

  async function publish(claim: ClaimMessage): Promise<Stored> {
    const key = `${claim.i} ${claim.c}`;
    return publishOwn(internals, claim, { channel: TASKS_CHANNEL, event: EVENT, key });
  }

  async function claimAs(channel: string, instance: string): Promise<number | undefined> {
    const { seq, time } = await publish({ c: channel, i: instance, on: true });
    await until(seq);
    return claims.holderOf(channel) === instance ? time : undefined;
  }

  async function until(seq: number): Promise<void> {
    if (reached >= seq) return;
    let resolve!: () => void;
    const arrived = new Promise<void>((done) => (resolve = done));
    const resolvers = waiting.get(seq) ?? new Set();
    waiting.set(seq, resolvers.add(resolve));
    try {
      await withTimeout(arrived, MAX_WAIT_MS, unavailable);
    } finally {
      resolvers.delete(resolve);
    }
  }

  function announce(): void {
    for (const channel of held) renew(channel);
  }

  /** Claims a task of this instance again, and tells whether the claim still counts. */
  function renew(channel: string): void {
    const { id } = table;
    claimAs(channel, id).then((time) => {
      if (id !== table.id || !held.has(channel)) return;
      for (const listener of renewalListeners) listener(channel, time !== undefined);
    }, report);
  }

  function report(error: unknown): void {
    if (!isClosed(engine)) onError(error as Error);
  }

  async function end(channel: string): Promise<void> {
    try {
      await publish({ c: channel, i: table.id, on: false });
    } catch (error) {
      if (!isClosed(engine)) {
        engine.onceUp.add(endStale);
        retry.start(RETRY_MS);
      }
      throw error;
    }
  }

  /** Ends the claims in the log that this instance does not hold any more. */
  function endStale(): void {
    retry.stop();
    engine.onceUp.delete(endStale);
    for (const [channel, instance] of claims.all()) {
      if (instance === table.id && !held.has(channel)) void end(channel).catch(() => {});
    }
  }

  async function release(channel: string): Promise<void> {
    if (held.delete(channel)) await end(channel);
  }

  table.onNewId((oldId) => {
    for (const channel of held) {
      // In this order: the old claim came first, and would count.
      publish({ c: channel, i: oldId, on: false }).catch(report);
      renew(channel);
    }
  });

  return {
    ready: async () => void (await subscription.live),
    async claim(channel) {
      const holder = claims.holderOf(channel);
      if (holder !== undefined && holder !== table.id) return undefined;
      held.add(channel);
      try {
        let id: string;
        do {
          ({ id } = table);
          const time = await claimAs(channel, id);
          if (time !== undefined) return time;
          // The lease may have continued with another id, and the claim with it.
        } while (id !== table.id);
      } catch (error) {
        void release(channel).catch(() => {});
        throw error;
      }
      await release(channel);
      return undefined;
    },
    release,
    remove: async (channel, instance) =>
      void (await publish({ c: channel, i: instance, on: false })),
    announce,
    *others() {
      for (const claim of claims.all()) if (claim[1] !== table.id) yield claim;
    },
    onChange: (listener) => void changeListeners.add(listener),
    onRenewed: (listener) => void renewalListeners.add(listener),
  };
}

function unavailable(): SseBusError {
  return new SseBusError(
    "BACKEND_UNAVAILABLE",
    `The start of a task did not return from the log within ${MAX_WAIT_MS} ms. Retry later.`,
  );
}
