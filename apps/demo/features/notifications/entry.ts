import type { Message } from "sse-bus";
import { positionOf } from "../../lib/position-of";

/** Who did something. Not verified: there is no heartbeat-in. */
export interface Author {
  /** The same in all windows of one browser. */
  person: string;
  name: string;
}

export const alertLevels = ["info", "warning", "critical"] as const;
export type AlertLevel = (typeof alertLevels)[number];

/** The kinds of entries. */
export interface EntryData {
  join: { by: Author };
  chat: { by: Author; text: string };
  alert: { by: Author; text: string; level: AlertLevel };
  /** Acknowledges an alert. */
  ack: { by: Author; alert: string };
}
export type EntryKind = keyof EntryData;

/** An entry with its position and time. */
export type Entry = {
  [Kind in EntryKind]: EntryData[Kind] & { kind: Kind; id: string; time: number };
}[EntryKind];
/** An entry before it is published; the log adds its position and time. */
export type PublishedEntry = {
  [Kind in EntryKind]: EntryData[Kind] & { kind: Kind };
}[EntryKind];
export type ChatEntry = Extract<Entry, { kind: "chat" }>;
export type AlertEntry = Extract<Entry, { kind: "alert" }>;

/** One channel for all entries: one order, and one mark for what was read. */
export const logChannel = "notifications/log";
/** Entries that a page shows. */
const keptEntries = 200;
export const maxNameLength = 32;
export const maxChatLength = 500;
export const maxAlertLength = 160;

export function entryOf(
  published: PublishedEntry,
  { id, time }: Pick<Message, "id" | "time">,
): Entry {
  return { ...published, id: positionOf(id), time };
}

export function addEntry(entries: readonly Entry[], entry: Entry): readonly Entry[] {
  // Messages between the page's cursor and its data are in the data already.
  if (entries.some(({ id }) => id === entry.id)) return entries;
  return [...entries, entry].slice(-keptEntries);
}

/** The action's result: empty, or an error with the typed text. */
export interface PostState {
  error?: string;
  text?: string;
}
