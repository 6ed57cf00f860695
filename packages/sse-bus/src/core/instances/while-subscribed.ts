import { isBuilding } from "../build-phase.ts";
import type { BusInternals } from "../bus-internals.ts";
import { assertTopic } from "../channel-name.ts";
import { assertOpen } from "../engine.ts";
import { SseBusError } from "../errors.ts";
import { assertDuration } from "../history.ts";
import { demandOf, instancesOf, singletonsOf } from "./instances.ts";
import { MAX_LISTED, watchedTopic } from "./lease-message.ts";
import { startWatch, type Watch } from "./watch.ts";
import type { RunWhileSubscribed, WhileSubscribedOptions } from "./while-subscribed-types.ts";

const ATTACHMENT = "whileSubscribed";

/** The calls of a bus that were not stopped. */
interface Watches {
  readonly open: Set<Watch>;
  readonly byName: Map<string, Watch>;
}

/** See {@link Bus.whileSubscribed}. */
export function whileSubscribed(
  internals: BusInternals,
  pattern: string,
  run: RunWhileSubscribed<never>,
  options: WhileSubscribedOptions = {},
): () => void {
  const { engine, onError } = internals;
  const { singleton = false, graceMs = 5000, countSubscribers = false, name } = options;
  assertOpen(engine);
  assertTopic(pattern);
  if (typeof run !== "function") {
    throw new SseBusError("INVALID_OPTION", "`run` must be a function.");
  }
  assertDuration(graceMs, "graceMs", 0);
  if (name !== undefined) assertTopic(name);
  if (isBuilding()) return () => {};

  const { open, byName } = watchesOf(internals);
  const replaced = name === undefined ? undefined : byName.get(name);
  if (!replaced && open.size >= MAX_LISTED) {
    throw new SseBusError(
      "INVALID_OPTION",
      `Limit of \`bus.whileSubscribed\` reached: ${MAX_LISTED} calls run at the same time. Stop those that are over, or use fewer, wider patterns.`,
    );
  }
  const after = replaced?.stop();
  const watch = startWatch(demandOf(internals), singletonsOf(internals), {
    pattern,
    watched: watchedTopic(pattern, countSubscribers),
    singleton: singleton ? (name ?? pattern) : undefined,
    graceMs,
    after,
    run: (signal, fence) => run(signal, { fence: fence as never }),
    onError,
  });
  const own: Watch = {
    async stop() {
      open.delete(own);
      if (name !== undefined && byName.get(name) === own) byName.delete(name);
      await watch.stop();
    },
  };
  open.add(own);
  if (name !== undefined) byName.set(name, own);
  return () => void own.stop();
}

function watchesOf(internals: BusInternals): Watches {
  const { attachments } = internals;
  let watches = attachments.get(ATTACHMENT) as Watches | undefined;
  if (watches) return watches;
  const open = new Set<Watch>();
  attachments.set(ATTACHMENT, (watches = { open, byName: new Map() }));
  const table = instancesOf(internals);
  table.onLeave(async () => {
    await Promise.all([...open].map(async (watch) => watch.stop()));
  });
  // Only a bus that is closed in between rejects.
  table.control.open().catch(() => {});
  return watches;
}
