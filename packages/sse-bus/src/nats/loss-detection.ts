import type { JetStream } from "./jetstream.ts";
import type { Subjects } from "./subjects.ts";

/** Messages that may be lost, because the stream had dropped them before they were delivered. */
export interface ChannelLoss {
  /** `undefined`: on any channel. */
  readonly channel: string | undefined;
  /** The newest position that may be lost. */
  readonly seq: number;
}

/** Positions that the consumer skipped. */
export interface MissingRange {
  readonly subjects: Subjects;
  /** The positions after this one and before `before` are missing. */
  readonly after: number;
  readonly before: number;
  /** Whether this process has a subscription that covers the channel. */
  isWanted(channel: string): boolean;
}

/** How many channels to check one by one. Beyond that, every channel gets a gap. */
const MAX_CHECKED = 200;

/**
 * Finds out what is lost with missing positions. JetStream drops a message only for these reasons:
 *
 * - Its subject had more messages than the stream keeps per subject. With a key, a newer message of
 *   this key superseded it, so nothing is lost. Without a key, the channel has lost it.
 * - It was too old, or the stream was too large, or the stream was purged. Then it is before the
 *   first position of the stream.
 *
 * If neither explains the missing positions, they count as lost on all channels.
 */
export async function detectLosses(js: JetStream, range: MissingRange): Promise<ChannelLoss[]> {
  const { subjects, after, before, isWanted } = range;
  const everything: ChannelLoss[] = [{ channel: undefined, seq: before - 1 }];
  const info = await js.streamInfo({ subjects: subjects.all }).catch(() => undefined);
  if (!info) return everything;
  const { config, state } = info;
  const counts = Object.entries(state.subjects ?? {});
  if (counts.length < (state.num_subjects ?? 0)) return everything;

  const losses: ChannelLoss[] = [];
  if (state.first_seq > after + 1) {
    losses.push({ channel: undefined, seq: Math.min(state.first_seq, before) - 1 });
  }
  const limit = config.max_msgs_per_subject;
  const full = counts.filter(([, count]) => limit > 0 && count >= limit);
  if (losses.length === 0 && full.length === 0) return everything;

  const suspects: { readonly subject: string; readonly channel: string }[] = [];
  for (const [subject] of full) {
    const parsed = subjects.parse(subject);
    if (parsed && parsed.key === undefined && isWanted(parsed.channel)) {
      suspects.push({ subject, channel: parsed.channel });
    }
  }
  if (suspects.length > MAX_CHECKED) return everything;
  try {
    const oldest = await Promise.all(suspects.map(async ({ subject }) => js.message(1, subject)));
    for (const [index, { channel }] of suspects.entries()) {
      const seq = Math.min(oldest[index]?.seq ?? before, before) - 1;
      // Otherwise the channel still has a message from before the range, so it lost nothing in it.
      if (seq > after) losses.push({ channel, seq });
    }
  } catch {
    return everything;
  }
  return losses;
}
