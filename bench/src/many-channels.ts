import { figuresOf, open, run } from "./stretch.ts";
import type { Figures } from "./subject.ts";
import type { Variant } from "./variants.ts";

export interface ManyChannelsOptions {
  readonly readers: number;
  readonly channels: number;
  readonly channelsPerReader: number;
}

/** The approximate number of deliveries of a measured stretch. */
const DELIVERIES = 60_000;

/** Many channels with few readers each: messages to them in rotation, a hundred per turn. */
export async function manyChannels(
  variant: Variant,
  { readers, channels, channelsPerReader }: ManyChannelsOptions,
): Promise<Figures> {
  await using server = await variant.start({ CHANNELS: String(channels) });
  const before = server.usage();
  await using load = await open(variant, server, {
    connections: readers,
    path: `${variant.path}?channel=c/%d`,
    channels,
    channelsPerReader,
  });
  const connectCpuUs = ((server.usage().cpuSeconds - before.cpuSeconds) * 1e6) / readers;
  // Every reader gets the same number of messages: one per round in each of its channels.
  const perRound = readers * channelsPerReader;
  const rounds = Math.max(2, Math.ceil(DELIVERIES / perRound));
  const send = (times: number): ReturnType<typeof run> =>
    run(server, load, { messages: channels * times, batch: 100, each: channelsPerReader * times });
  await send(Math.ceil(rounds / 3));
  return { connectCpuUs, ...figuresOf("spread", await send(rounds)) };
}
