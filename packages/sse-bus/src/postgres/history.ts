import type { BackendHost, History } from "../core/backend.ts";
import { isPattern } from "../core/channel-name.ts";
import type { HistoryLimits } from "../core/history.ts";
import { createMessage, type LogMessage } from "../core/message.ts";
import type { Row } from "./database.ts";
import type { Log } from "./log.ts";
import { parseMessage } from "./page.ts";
import { patternRegex } from "./topics.ts";

/** {@link History}, and the epoch that it is of. */
export interface EpochHistory extends History {
  readonly epoch: string;
}

/**
 * What `history` allows to be kept of a topic. Retention deletes in steps and leaves what is young,
 * so the tables hold more; the limits that readers see are applied here.
 */
export async function readHistory(
  log: Log,
  host: BackendHost,
  topic: string,
): Promise<EpochHistory> {
  const { maxHistoryBytes: bytes } = host;
  const rows = isPattern(topic)
    ? await log.history(null, patternRegex(topic), { messages: Number.POSITIVE_INFINITY, bytes })
    : // One more than are kept, to know the horizon.
      await log.history(topic, null, { messages: host.history(topic).maxMessages + 1, bytes });
  return applyLimits(rows, host);
}

interface Kept {
  readonly limits: HistoryLimits;
  messages: number;
  bytes: number;
  isFull: boolean;
}

function applyLimits(rows: readonly Row[], host: BackendHost): EpochHistory {
  const header = rows.find(([place]) => place === "0");
  const newestFirst = rows
    .filter((row) => row !== header)
    .toSorted((a, b) => Number(b[0]) - Number(a[0]));
  const epoch = header?.[1] as string;
  const now = Number(header?.[2]);
  let horizon = Number(header?.[3]);
  let bytes = 0;
  const channels = new Map<string, Kept>();
  const messages: LogMessage[] = [];

  for (const row of newestFirst) {
    const seq = Number(row[0]);
    const record = parseMessage(seq, row);
    const kept = channels.get(record.channel) ?? newKept(host.history(record.channel));
    channels.set(record.channel, kept);
    bytes += Number(row[6]);
    kept.messages++;
    kept.bytes += Number(row[6]);
    const { maxMessages, maxBytes, maxAgeMs } = kept.limits;
    kept.isFull ||=
      kept.messages > maxMessages || kept.bytes > maxBytes || record.time < now - maxAgeMs;
    if (kept.isFull || bytes > host.maxHistoryBytes) horizon = Math.max(horizon, seq);
    else messages.push(createMessage(record, record, epoch));
  }
  return { epoch, horizon, messages: messages.toReversed() };
}

function newKept(limits: HistoryLimits): Kept {
  return { limits, messages: 0, bytes: 0, isFull: false };
}
