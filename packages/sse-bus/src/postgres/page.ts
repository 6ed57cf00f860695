import type { MessageContent } from "../core/message.ts";
import type { Position } from "../core/position.ts";
import type { Row } from "./database.ts";

/** A part of the log, as the function `page` of the schema returns it. */
export interface LogPage {
  readonly epoch: string;
  /** The head of the log when the page was read. */
  readonly head: Position;
  /** The newest `seq` that was ever deleted. */
  readonly dropped: number;
  /** The horizon of channels without one of their own. */
  readonly floor: number;
  /** Committed messages wait for a position. */
  readonly isPending: boolean;
  readonly serverMs: number;
  readonly messages: readonly PageMessage[];
  /** The page reaches the head: no further page is needed. */
  readonly isWhole: boolean;
  /** The horizons of channels with losses, if the request asked for them. */
  readonly horizons: ReadonlyMap<string, number>;
}

export interface PageMessage extends MessageContent, Position {}

/** The largest page. */
export const PAGE_MESSAGES = 500;
export const PAGE_BYTES = 4_000_000;

export function parsePage(rows: readonly Row[]): LogPage {
  const messages: PageMessage[] = [];
  const horizons = new Map<string, number>();
  let header: Row | undefined;
  let bytes = 0;
  for (const row of rows) {
    const place = Number(row[0]);
    if (place === 0) header = row;
    else if (place < 0) horizons.set(row[1] as string, Number(row[2]));
    else {
      messages.push(parseMessage(place, row));
      bytes += Number(row[6]);
    }
  }
  // Without a state, the schema is being created or dropped: treat it as missing.
  if (!header) throw Object.assign(new Error("The log has no state."), { code: "P0002" });
  return {
    epoch: header[1] as string,
    head: { seq: Number(header[2]), time: Number(header[3]) },
    dropped: Number(header[4]),
    floor: Number(header[5]),
    isPending: header[6] !== null,
    serverMs: Number(header[7]),
    messages: messages.toSorted((a, b) => a.seq - b.seq),
    isWhole: messages.length < PAGE_MESSAGES && bytes < PAGE_BYTES,
    horizons,
  };
}

/** A row `seq, time, channel, event, key, data, bytes, raw`. */
export function parseMessage(seq: number, row: Row): PageMessage {
  const [, time, channel, event, key, data, , raw] = row;
  return {
    seq,
    time: Number(time),
    channel: channel as string,
    event: event as string,
    key: key ?? undefined,
    json: data as string,
    raw: raw === "true",
  };
}
