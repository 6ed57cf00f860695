import type { BusInternals } from "../bus-internals.ts";
import type { Cohort } from "../cohort.ts";
import { type Engine, isClosed } from "../engine.ts";
import { SseBusError } from "../errors.ts";
import { topicsOverlap } from "../topics-overlap.ts";
import type { InstanceTable } from "./instance-table.ts";
import { MAX_LISTED, parseWatched } from "./lease-message.ts";
import { createLazyTimer } from "../timers.ts";

/**
 * Knows for which topics there are readers, on any instance. What an instance watches travels in its lease
 * message, and so does what it has readers for. So an instance that watches nothing itself, such as a
 * hub, reports the readers that the others ask for.
 */
export interface Demand {
  /** Whether any instance has a reader of what is watched. */
  has(watched: string): boolean;
  /** Watches, and calls `onChange` when the answer of {@link has} may be another one. @returns stops it */
  watch(watched: string, onChange: () => void): () => void;
}

/** The last reader's end is reported this late: a page that is reloaded causes no message. */
const REPORT_END_MS = 250;

interface Watched {
  readonly topic: string;
  readonly countSubscribers: boolean;
  /** How many sets of topics with readers in this process overlap with it. */
  cohorts: number;
}

/** Follows the demand for what any instance watches. While none watches, readers cost nothing. */
export function createDemand({ engine, onError }: BusInternals, table: InstanceTable): Demand {
  const { own } = table;
  const watchers = new Map<string, Set<() => void>>();
  /** All that is watched, here or elsewhere. */
  const all = new Map<string, Watched>();
  /** What other instances have readers for. */
  let elsewhere = new Set<string>();
  let leave: (() => void) | undefined;
  let isTooMuchReported = false;
  const endReport = createLazyTimer(reportEnds);

  function followAll(): void {
    const wanted = new Set(watchers.keys());
    elsewhere = new Set();
    for (const peer of table.live().values()) {
      if (peer.id === own.id) continue;
      for (const watched of peer.watch) wanted.add(watched);
      for (const watched of peer.demand) elsewhere.add(watched);
    }
    for (const watched of all.keys()) if (!wanted.has(watched)) all.delete(watched);
    for (const watched of wanted) if (!all.has(watched)) follow(watched);
    engine.onCohort = all.size > 0 ? countCohort : undefined;
    reportStarts();
    reportEndsLater();
    if (all.size === 0) {
      leave?.();
      leave = undefined;
    }
  }

  function follow(watched: string): void {
    if (all.size >= MAX_LISTED) return reportTooMuch();
    const entry: Watched = { ...parseWatched(watched), cohorts: 0 };
    for (const cohort of engine.cohorts.values()) if (isReader(entry, cohort)) entry.cohorts++;
    all.set(watched, entry);
  }

  function countCohort(_: Engine, cohort: Cohort, isOpened: boolean): void {
    for (const [watched, entry] of all) {
      if (!isReader(entry, cohort)) continue;
      entry.cohorts += isOpened ? 1 : -1;
      if (entry.cohorts > 1 || (entry.cohorts === 1 && !isOpened)) continue;
      if (isOpened) reportStarts();
      else reportEndsLater();
      notify(watched);
    }
  }

  function isReader({ topic, countSubscribers }: Watched, { context, topics }: Cohort): boolean {
    const counts = context === engine.remote || (countSubscribers && context === engine.local);
    return counts && topics.some(({ name }) => isDemand(name, topic));
  }

  function reportStarts(): void {
    const { demand } = own.content;
    const before = demand.size;
    for (const [watched, { cohorts }] of all) if (cohorts > 0) demand.add(watched);
    if (demand.size === 0 || (demand.size === before && leave)) return;
    leave ??= table.join();
    own.update();
  }

  function reportEndsLater(): void {
    if (own.content.demand.size > 0 && !isClosed(engine)) endReport.start(REPORT_END_MS);
  }

  function reportEnds(): void {
    const { demand } = own.content;
    const before = demand.size;
    for (const watched of demand) if (!all.get(watched)?.cohorts) demand.delete(watched);
    if (demand.size !== before) own.update();
  }

  function reportTooMuch(): void {
    if (isTooMuchReported) return;
    isTooMuchReported = true;
    onError(
      new SseBusError(
        "INVALID_OPTION",
        `All instances together watch more than ${MAX_LISTED} channels and patterns with \`bus.whileSubscribed\`: this one ignores the rest. Use fewer, wider patterns.`,
      ),
    );
  }

  function notify(watched: string): void {
    for (const onChange of watchers.get(watched) ?? []) onChange();
  }

  table.onChange((change) => {
    if (change !== "topics") return;
    followAll();
    for (const watched of watchers.keys()) notify(watched);
  });
  engine.beforeClose.add(() => endReport.stop());

  return {
    has: (watched) => elsewhere.has(watched) || (all.get(watched)?.cohorts ?? 0) > 0,
    watch(watched, onChange) {
      const known = watchers.get(watched);
      const ownWatchers = known ?? new Set();
      ownWatchers.add(onChange);
      if (!known) {
        watchers.set(watched, ownWatchers);
        own.content.watch.add(watched);
        followAll();
        own.update();
      }
      const leaveTable = table.join();
      return () => {
        if (!ownWatchers.delete(onChange)) return;
        if (ownWatchers.size === 0) {
          watchers.delete(watched);
          own.content.watch.delete(watched);
          followAll();
          own.update();
        }
        leaveTable();
      };
    },
  };
}

const EVERYTHING = "**";

/**
 * Whether a reader of `name` asks for `topic`. A reader of everything, such as a monitor or an audit log, reads
 * what there is: if it counted, all work would run for as long as it is connected.
 */
function isDemand(name: string, topic: string): boolean {
  return name === EVERYTHING ? topic === EVERYTHING : topicsOverlap(topic, name);
}
