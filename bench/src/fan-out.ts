import { check, figuresOf, open, stretch, TIMEOUT_SECONDS, warmUp } from "./stretch.ts";
import type { Figures, Scale } from "./subject.ts";
import type { Variant } from "./variants.ts";

export interface FanOutOptions {
  readonly readers: number;
  readonly batches: readonly number[];
  readonly hasLatency: boolean;
}

/** Messages per second when latency is measured. */
const HZ = 10;

/**
 * One channel with many readers: messages one by one and in bursts, and latency at ten messages per
 * second.
 */
export async function fanOut(
  variant: Variant,
  { stretchSeconds: seconds, rateSeconds, isQuick }: Scale,
  { readers, batches, hasLatency }: FanOutOptions,
): Promise<Figures> {
  await using server = await variant.start();
  await warmUp(variant, server);
  const before = server.usage();
  await using load = await open(variant, server, { connections: readers });
  const connectCpuUs = ((server.usage().cpuSeconds - before.cpuSeconds) * 1e6) / readers;
  const figures: Figures = {
    connectCpuUs,
    ...figuresOf("single", await stretch(server, load, { readers, batch: 1, seconds })),
  };
  for (const batch of variant.isWithoutBursts ? [] : batches) {
    if (isQuick && batch > 10) continue;
    const burst = await stretch(server, load, { readers, batch, seconds });
    Object.assign(figures, figuresOf(`burst${batch}`, burst));
  }
  if (!hasLatency) return figures;
  const messages = rateSeconds * HZ;
  const paced = await load.receive(messages, TIMEOUT_SECONDS, () => server.rate(messages, HZ));
  check(paced);
  const { p50Ms, p99Ms, p999Ms } = paced;
  return { ...figures, p50Ms, p99Ms, p999Ms };
}
