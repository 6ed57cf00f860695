import { figuresOf, open, run, stretch, warmUp } from "./stretch.ts";
import type { Figures, Scale } from "./subject.ts";
import type { Variant } from "./variants.ts";

/** More than the kernel buffers for a reader that does not read. */
const FILL = { messages: 2000, batch: 100 };

/** One in a hundred readers reads nothing: the others' throughput, and the server's memory for it. */
export async function stalledReaders(
  variant: Variant,
  { stretchSeconds: seconds }: Scale,
  readers: number,
): Promise<Figures> {
  const stalled = Math.max(1, Math.round(readers / 100));
  await using server = await variant.start();
  await warmUp(variant, server);
  await using load = await open(variant, server, { connections: readers, stalled });
  await server.memory();
  const before = server.usage();
  await run(server, load, FILL);
  await server.memory();
  const keptKb = (server.usage().rssKb - before.rssKb) / stalled;
  const others = readers - stalled;
  const single = await stretch(server, load, { readers: others, batch: 1, seconds });
  return { keptKbPerStalled: keptKb, ...figuresOf("single", single) };
}
