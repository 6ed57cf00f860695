import type { Contribution, PresenceEvent } from "./contribution.ts";
import { type Member, toMember } from "./member.ts";

/**
 * The presence of one channel, as a fold over the events of its log and the answers of instances. It is
 * pure: server and browser use the same code.
 *
 * All instances see the events in the same order, and only the owner of a contribution changes it. So the
 * newest position decides: of an event, or of the question that an instance has answered. An answer
 * contains everything that its instance published before the question, since the instance decided it
 * before it was stored. Events and answers may come in any interleaving, twice, or late: the result is
 * the same.
 */
export interface PresenceFold {
  /** What instances contribute, by member. */
  readonly members: Map<string, Entry[]>;
  /** By instance: the position at which it stated all its contributions. */
  readonly stated: Map<string, number>;
  /** Instances that have ended; what still comes from them does not count. The newest thousand. */
  readonly gone: Set<string>;
  /** Events up to here have been applied, or are part of what the fold started from. */
  after: number;
  /** While answers are awaited, it remembers who has left: an answer may be older than that. */
  isSyncing: boolean;
  /** A member was left out because of `maxMembers`. */
  isFull: boolean;
  readonly maxMembers: number;
}

interface Entry {
  readonly i: string;
  /** The position of its newest change. */
  readonly seq: number;
  /** `undefined` for one that has ended. */
  readonly contribution: Contribution | undefined;
}

/** All contributions of one instance to a channel, as it answered the question at position `at`. */
export interface Statement {
  readonly i: string;
  readonly at: number;
  readonly contributions: readonly Contribution[];
}

const MAX_GONE = 1000;
/** Instances that contribute the same member. */
const MAX_INSTANCES = 1000;
const NOBODY: readonly string[] = [];

/** An empty fold, which ignores events up to `after`. */
export function createFold(after = 0, maxMembers = 10_000): PresenceFold {
  return {
    members: new Map(),
    stated: new Map(),
    gone: new Set(),
    after,
    isSyncing: false,
    isFull: false,
    maxMembers,
  };
}

/** Applies an event of the log at its position. @returns the ids of members that may have changed */
export function applyEvent(
  fold: PresenceFold,
  event: PresenceEvent,
  seq: number,
): readonly string[] {
  const { i } = event;
  // The log delivers in order, so an older event is a repeated one.
  if (seq <= fold.after) return NOBODY;
  fold.after = seq;
  if (fold.gone.has(i)) return NOBODY;
  if (event.type === "gone") return removeInstance(fold, i);
  if (seq <= (fold.stated.get(i) ?? 0)) return NOBODY;
  const { type, id } = event;
  if (type === "leave") return setEntry(fold, id, { i, seq, contribution: undefined });
  const { type: _, ...contribution } = event;
  return setEntry(fold, id, { i, seq, contribution });
}

/** Applies what an instance states. @returns the ids of members that may have changed */
export function applyStatement(
  fold: PresenceFold,
  { i, at, contributions }: Statement,
): readonly string[] {
  if (fold.gone.has(i) || at <= (fold.stated.get(i) ?? 0)) return NOBODY;
  fold.stated.set(i, at);
  const changed = new Set<string>();
  const named = new Set(contributions.map(({ id }) => id));
  for (const [id, entries] of fold.members) {
    const own = named.has(id) ? undefined : entries.find((entry) => entry.i === i);
    // What has changed after the question is newer than the answer.
    if (!own || own.seq > at) continue;
    for (const each of setEntry(fold, id, { i, seq: at, contribution: undefined }))
      changed.add(each);
  }
  for (const contribution of contributions) {
    const entry = { i, seq: at, contribution: { ...contribution, i } };
    for (const each of setEntry(fold, contribution.id, entry)) changed.add(each);
  }
  return [...changed];
}

/** Starts again from the set of all instances, valid at position `after`. */
export function replaceAll(
  fold: PresenceFold,
  contributions: readonly Contribution[],
  after: number,
): void {
  fold.members.clear();
  fold.stated.clear();
  fold.after = after;
  for (const contribution of contributions) {
    const { i, id } = contribution;
    if (!fold.gone.has(i)) setEntry(fold, id, { i, seq: after, contribution });
  }
}

/** Removes what an ended instance has contributed. @returns the ids of members that have changed */
export function removeInstance(fold: PresenceFold, i: string): readonly string[] {
  fold.gone.delete(i);
  fold.gone.add(i);
  if (fold.gone.size > MAX_GONE) fold.gone.delete(fold.gone.values().next().value as string);
  fold.stated.delete(i);
  const changed: string[] = [];
  for (const [id, entries] of fold.members) {
    const left = entries.filter((entry) => entry.i !== i);
    if (left.length === entries.length) continue;
    keep(fold, id, left);
    changed.push(id);
  }
  return changed;
}

/**
 * Events were lost, or the log has restarted: whatever comes from now on is newer than what is here, and
 * each instance states its contributions again.
 */
export function startOver(fold: PresenceFold, after: number): void {
  fold.after = after;
  fold.stated.clear();
  for (const [id, entries] of fold.members) {
    const kept = entries.filter((entry) => entry.contribution);
    keep(
      fold,
      id,
      kept.map((entry) => ({ ...entry, seq: 0 })),
    );
  }
}

/** Answers are awaited from now on. */
export function beginSync(fold: PresenceFold): void {
  fold.isSyncing = true;
}

/** No answer is awaited any more. */
export function endSync(fold: PresenceFold): void {
  fold.isSyncing = false;
  for (const [id, entries] of fold.members) {
    if (!entries.every((entry) => entry.contribution)) {
      keep(
        fold,
        id,
        entries.filter((entry) => entry.contribution),
      );
    }
  }
}

/** One member, or `undefined` if nobody contributes it. */
export function memberOf(fold: PresenceFold, id: string): Member | undefined {
  return toMember(id, contributionsOf(fold.members.get(id) ?? []));
}

/** The instances that contribute, each with whether it is the only one to contribute some member. */
export function contributingInstances({ members }: PresenceFold): Map<string, boolean> {
  const instances = new Map<string, boolean>();
  for (const entries of members.values()) {
    const contributing = entries.filter(({ contribution }) => contribution);
    for (const { i } of contributing) {
      instances.set(i, (instances.get(i) ?? false) || contributing.length === 1);
    }
  }
  return instances;
}

/** All contributions, member by member. */
export function* allContributions(fold: PresenceFold): Generator<Contribution> {
  for (const entries of fold.members.values()) yield* contributionsOf(entries);
}

function* contributionsOf(entries: readonly Entry[]): Generator<Contribution> {
  for (const { contribution } of entries) if (contribution) yield contribution;
}

function setEntry(fold: PresenceFold, id: string, entry: Entry): readonly string[] {
  const entries = fold.members.get(id) ?? [];
  const known = entries.find(({ i }) => i === entry.i);
  if (known && known.seq >= entry.seq) return NOBODY;
  const others = known ? entries.filter(({ i }) => i !== entry.i) : entries;
  const isKept = entry.contribution !== undefined || fold.isSyncing;
  if (isKept && !known && !hasRoom(fold, entries)) {
    fold.isFull = true;
    return NOBODY;
  }
  keep(fold, id, isKept ? [...others, entry] : others);
  return [id];
}

function hasRoom({ members, maxMembers }: PresenceFold, entries: readonly Entry[]): boolean {
  return entries.length > 0 ? entries.length < MAX_INSTANCES : members.size < maxMembers;
}

function keep({ members }: PresenceFold, id: string, entries: Entry[]): void {
  if (entries.length > 0) members.set(id, entries);
  else members.delete(id);
}
