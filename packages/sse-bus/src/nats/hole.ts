import type { JetStream } from "./jetstream.ts";
import type { Subjects } from "./subjects.ts";

/** What may have been lost with positions that the stream no longer had when they were due. */
export interface Loss {
  /** `undefined`: of any channel. */
  readonly channel: string | undefined;
  readonly seq: number;
}

export interface HoleOptions {
  readonly subjects: Subjects;
  /** Positions after this one and before `before` did not come. */
  readonly after: number;
  readonly before: number;
  /** Whether anybody here would miss a message of this channel. */
  isWanted(channel: string): boolean;
}

/** So many channels are asked for one by one; with more of them, all are told of a loss. */
const MAX_ASKED = 200;

/**
 * Finds out what may be lost with a hole in the stream. A message goes before its time only for
 * these reasons, and what cannot be put down to one of them counts as lost for all:
 *
 * - its subject had more than the server keeps of one. With a key, a newer one of that key has come
 *   and nobody misses it; without, its channel has lost it;
 * - it was too old, or the stream too large, or it was purged: then it is before the stream's first.
 */
export async function explainHole(js: JetStream, options: HoleOptions): Promise<Loss[]> {
  const { subjects, after, before, isWanted } = options;
  const everything: Loss[] = [{ channel: undefined, seq: before - 1 }];
  const info = await js.streamInfo({ subjects: subjects.all }).catch(() => undefined);
  if (!info) return everything;
  const { config, state } = info;
  const counts = Object.entries(state.subjects ?? {});
  if (counts.length < (state.num_subjects ?? 0)) return everything;

  const losses: Loss[] = [];
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
  if (suspects.length > MAX_ASKED) return everything;
  try {
    const oldest = await Promise.all(suspects.map(async ({ subject }) => js.message(1, subject)));
    for (const [index, { channel }] of suspects.entries()) {
      const seq = Math.min(oldest[index]?.seq ?? before, before) - 1;
      // It still has a message from before the hole, so none of it went in the hole.
      if (seq > after) losses.push({ channel, seq });
    }
  } catch {
    return everything;
  }
  return losses;
}
