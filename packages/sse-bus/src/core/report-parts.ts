import { attachmentOf, type BusInternals } from "./bus-internals.ts";

/** A bounded list, and how many there are. */
export interface Listed<Item> {
  readonly total: number;
  readonly listed: readonly Item[];
}

/** The members of one channel that have streams on this instance. */
export interface ReportedPresence {
  readonly channel: string;
  /** How many members. */
  readonly members: number;
  /** Some of them, with the number of their streams. */
  readonly shown: readonly { readonly id: string; readonly streams: number }[];
}

/** A task that runs on this instance. */
export interface ReportedTask {
  readonly id: string;
  readonly owner?: string | undefined;
  readonly title?: string | undefined;
  readonly step?: string | undefined;
  readonly done?: number | undefined;
  readonly total?: number | undefined;
  /** In ms since 1970. */
  readonly startedAt: number;
}

/** A durable stream whose source runs on this instance. */
export interface ReportedStream {
  /** The channel of its log. */
  readonly channel: string;
  /** Bytes that its source has given. */
  readonly bytes: number;
  /** In ms since 1970. */
  readonly startedAt: number;
}

/** What features say of themselves in a report of this instance; a feature that is not used says nothing. */
export interface ReportParts {
  presence?: (limit: number) => Listed<ReportedPresence>;
  tasks?: (limit: number) => Listed<ReportedTask>;
  streams?: (limit: number) => Listed<ReportedStream>;
}

/** The parts of a bus. A feature adds its own when it is first used; they are called only for a report. */
export function reportPartsOf(internals: BusInternals): ReportParts {
  return attachmentOf(internals, "reportParts", (): ReportParts => ({}));
}

/** The first items of many, each as `describe` says. */
export function listFirst<Item, Described>(
  all: Iterable<Item> & { readonly size: number },
  limit: number,
  describe: (item: Item) => Described,
): Listed<Described> {
  const listed: Described[] = [];
  for (const item of all) {
    if (listed.length >= limit) break;
    listed.push(describe(item));
  }
  return { total: all.size, listed };
}
