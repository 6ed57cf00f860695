import type { Admission } from "./admission.ts";
import type { Engine } from "./engine.ts";
import { SseBusError } from "./errors.ts";
import type { HistoryResolver } from "./history.ts";
import type { Schemas } from "./schema.ts";
import type { Subscriber } from "./subscriber.ts";

/** Where a bus keeps its internals. A registered symbol, because bundles have copies of this module. */
export const INTERNALS: unique symbol = Symbol.for("sse-bus.internals");

/** What the package's own routes and features need of a bus. */
export interface BusInternals {
  readonly engine: Engine;
  readonly options: MutableOptions;
  /**
   * What outer layers keep with the bus, by name. They cannot keep it in a module, of which bundles
   * have copies.
   */
  readonly attachments: Map<string, unknown>;
  readonly maxMessageBytes: number;
  /** How much history each channel keeps. */
  readonly history: HistoryResolver;
  /** What every publish to the application's channels passes. */
  readonly admit: Admission;
  /** Subscribers of the bus's own features. They close with the bus, and do not count. */
  readonly ownSubscribers: Set<Subscriber>;
  /** Where failures in the background go. Never throws. */
  readonly onError: (error: Error) => void;
}

/** What the bus keeps under a name; the first call creates it. */
export function attachmentOf<Part extends object>(
  { attachments }: Pick<BusInternals, "attachments">,
  name: string,
  create: () => Part,
): Part {
  let part = attachments.get(name) as Part | undefined;
  if (!part) attachments.set(name, (part = create()));
  return part;
}

/** Settings that can change while the bus runs, as in a hot reload. */
export interface MutableOptions {
  schemas: Schemas | undefined;
  onError: (error: Error) => void;
}

/**
 * The engine behind a bus.
 *
 * @throws SseBusError `INVALID_OPTION` when `bus` was not made by `createBus`
 */
export function internalsOf(bus: object): BusInternals {
  const internals = (bus as { [INTERNALS]?: BusInternals })[INTERNALS];
  if (internals) return internals;
  throw new SseBusError("INVALID_OPTION", "`bus` must come from createBus() or sharedBus().");
}
