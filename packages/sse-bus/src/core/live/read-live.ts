import { assertNotBuilding } from "../build-phase.ts";
import { attachmentOf, type BusInternals } from "../bus-internals.ts";
import { assertTopic } from "../channel-name.ts";
import { assertOpen } from "../engine.ts";
import { createLiveFold, type LiveFold } from "./fold.ts";
import type { LiveDefinition, LiveSnapshot } from "./live-types.ts";

/** The folds of a bus, least recently used first. */
interface Folds {
  readonly byKey: Map<string, LiveFold>;
  /** A number for each object and function that a key names. */
  readonly ids: WeakMap<object, number>;
  /** The last of these numbers. */
  lastId: number;
}

const ATTACHMENT = "live";

/** With more folds, the least recently used one is forgotten. */
const MAX_FOLDS = 1_000;

/**
 * Reads a live value: folded by one reader of the log for all requests.
 *
 * @throws SseBusError `BACKEND_UNAVAILABLE`, `BUS_CLOSED`, `CURSOR_AT_BUILD`, `INVALID_CHANNEL`
 */
export async function readLive(
  internals: BusInternals,
  live: LiveDefinition,
): Promise<LiveSnapshot<unknown>> {
  assertOpen(internals.engine);
  assertNotBuilding("live.read(bus)", "that value");
  assertTopic(live.channel);
  const folds = foldsOf(internals);
  const key = keyOf(folds, live);
  if (folds.byKey.has(key)) {
    try {
      return await foldOf(internals, live, key).read();
    } catch {
      // The fold has failed, perhaps before this call. Another one may not.
    }
  }
  return foldOf(internals, live, key).read();
}

function foldOf(internals: BusInternals, live: LiveDefinition, key: string): LiveFold {
  const { byKey } = foldsOf(internals);
  let fold = byKey.get(key);
  if (fold) byKey.delete(key);
  else {
    const made = createLiveFold(internals, live, () => {
      if (byKey.get(key) === made) byKey.delete(key);
    });
    fold = made;
  }
  byKey.set(key, fold);
  if (byKey.size > MAX_FOLDS) {
    const [oldest, unused] = byKey.entries().next().value as [string, LiveFold];
    byKey.delete(oldest);
    unused.retire();
  }
  return fold;
}

function foldsOf(internals: BusInternals): Folds {
  return attachmentOf(internals, ATTACHMENT, (): Folds => ({
    byKey: new Map(),
    ids: new WeakMap(),
    lastId: 0,
  }));
}

/**
 * Equal for definitions that fold the same. A definition is often made again: by another bundle's copy of its
 * module, or by a function that makes one for each id. What both share, they need to fold once.
 */
function keyOf(
  folds: Folds,
  { channel, event, initial, reduce, validate }: LiveDefinition,
): string {
  const parts = [channel, event, initial, reduce, validate];
  return parts.map((part) => identify(folds, part)).join("\n");
}

function identify(folds: Folds, part: unknown): string {
  if (part === null || (typeof part !== "object" && typeof part !== "function")) {
    return `${typeof part} ${String(part)}`;
  }
  let id = folds.ids.get(part);
  if (id === undefined) folds.ids.set(part, (id = ++folds.lastId));
  return `#${id}`;
}
