import type { Message } from "sse-bus";
import { positionOf } from "../../lib/position-of";

/** Who did something, by their own account: nobody signs in here. */
export interface Author {
  /** The same in all windows of one browser. */
  person: string;
  name: string;
}

export const alertLevels = ["info", "warning", "critical"] as const;
export type AlertLevel = (typeof alertLevels)[number];

/** What may happen, and what is told of it. */
export interface EntryData {
  join: { by: Author };
  chat: { by: Author; text: string };
  alert: { by: Author; text: string; level: AlertLevel };
  /** Somebody has taken care of an alert. */
  ack: { by: Author; alert: string };
}
export type EntryKind = keyof EntryData;

/** Something that happened, in its place in the order. */
export type Entry = {
  [Kind in EntryKind]: EntryData[Kind] & { kind: Kind; id: string; time: number };
}[EntryKind];
/** An entry as it is published: the log gives it its place and time. */
export type PublishedEntry = {
  [Kind in EntryKind]: EntryData[Kind] & { kind: Kind };
}[EntryKind];
export type ChatEntry = Extract<Entry, { kind: "chat" }>;
export type AlertEntry = Extract<Entry, { kind: "alert" }>;

/** All of it goes through one channel: one order, and one mark for what has been read. */
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
  // What came between the page's cursor and its data is in the data, and comes once more.
  if (entries.some(({ id }) => id === entry.id)) return entries;
  return [...entries, entry].slice(-keptEntries);
}

/** What the form's action answers: nothing, or why it refused, with what was typed. */
export interface PostState {
  error?: string;
  text?: string;
}
