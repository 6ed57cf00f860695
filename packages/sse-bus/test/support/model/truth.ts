import { topicCovers } from "../../../src/core/channel-name.ts";
import type { LogMessage } from "../../../src/core/message.ts";

/** Everything published so far, by epoch. Clients' streams are compared with it. */
export interface Truth {
  /** Ascending by `seq`. */
  readonly epochs: Map<string, LogMessage[]>;
  add(epoch: string, message: LogMessage): void;
  /** Messages of these topics with `after < seq <= upTo`. */
  between(epoch: string, range: Range): LogMessage[];
  head(epoch: string): number;
  /** A newer message of the same channel and key was published. */
  isSuperseded(epoch: string, message: LogMessage): boolean;
  /** It has no key, and the channel has a newer message without a key. */
  isOutdated(epoch: string, message: LogMessage): boolean;
}

interface Range {
  readonly topics: readonly string[];
  readonly after: number;
  readonly upTo: number;
}

export function createTruth(): Truth {
  const epochs = new Map<string, LogMessage[]>();
  const of = (epoch: string): LogMessage[] => epochs.get(epoch) ?? [];

  function hasNewer(epoch: string, { seq, channel, key }: LogMessage): boolean {
    return of(epoch).some(
      (other) => other.seq > seq && other.channel === channel && other.key === key,
    );
  }

  return {
    epochs,
    add(epoch, message) {
      const all = epochs.get(epoch) ?? [];
      epochs.set(epoch, all);
      all.push(message);
    },
    between: (epoch, { topics, after, upTo }) =>
      of(epoch).filter(
        ({ seq, channel }) =>
          seq > after && seq <= upTo && topics.some((topic) => topicCovers(topic, channel)),
      ),
    head: (epoch) => of(epoch).at(-1)?.seq ?? 0,
    isSuperseded: (epoch, message) => message.key !== undefined && hasNewer(epoch, message),
    isOutdated: (epoch, message) => message.key === undefined && hasNewer(epoch, message),
  };
}
