import type { BackendHost, History } from "../core/backend.ts";
import { isPattern } from "../core/channel-name.ts";
import { type HistoryLimits, historyBytesOf } from "../core/history.ts";
import type { LogMessage } from "../core/message.ts";
import { createStoredMessage } from "../core/stored-message.ts";
import type { Row } from "./database.ts";
import type { LogFunctions } from "./log-functions.ts";
import { parseMessage } from "./page.ts";
import { patternRegex } from "./topic-registry.ts";

/** {@link History}, and its epoch. */
export interface EpochHistory extends History {
  readonly epoch: string;
}

/**
 * Reads the history of a topic, and applies its limits. The tables contain more than the limits allow,
 * because retention deletes in steps and never deletes young messages.
 */
export async function readTopicHistory(
  log: LogFunctions,
  host: BackendHost,
  topic: string,
): Promise<EpochHistory> {
  const bytes = historyBytesOf(topic, host.maxHistoryBytes);
  const rows = isPattern(topic)
    ? await log.history(null, patternRegex(topic), { messages: Number.POSITIVE_INFINITY, bytes })
    : // One message more than the limit shows the horizon.
      await log.history(topic, null, { messages: host.history(topic).maxMessages + 1, bytes });
  return applyLimits(rows, host, bytes);
}

interface ChannelUse {
  readonly limits: HistoryLimits;
  messages: number;
  bytes: number;
  isFull: boolean;
}

function applyLimits(rows: readonly Row[], host: BackendHost, totalBytes: number): EpochHistory {
  const header = rows.find(([place]) => place === "0");
  const newestFirst = rows
    .filter((row) => row !== header)
    .toSorted((a, b) => Number(b[0]) - Number(a[0]));
  const epoch = header?.[1] as string;
  const now = Number(header?.[2]);
  let horizon = Number(header?.[3]);
  let bytes = 0;
  const channels = new Map<string, ChannelUse>();
  const messages: LogMessage[] = [];

  for (const row of newestFirst) {
    const seq = Number(row[0]);
    const record = parseMessage(seq, row);
    const use = channels.get(record.channel) ?? createUse(host.history(record.channel));
    channels.set(record.channel, use);
    bytes += Number(row[6]);
    use.messages++;
    use.bytes += Number(row[6]);
    const { maxMessages, maxBytes, maxAgeMs } = use.limits;
    use.isFull ||=
      use.messages > maxMessages || use.bytes > maxBytes || record.time < now - maxAgeMs;
    if (use.isFull || bytes > totalBytes) horizon = Math.max(horizon, seq);
    else {
      const message = createStoredMessage(record, record, { epoch, onError: host.onError });
      if (message) messages.push(message);
    }
  }
  return { epoch, horizon, messages: messages.toReversed() };
}

function createUse(limits: HistoryLimits): ChannelUse {
  return { limits, messages: 0, bytes: 0, isFull: false };
}
