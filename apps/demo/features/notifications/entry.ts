/** Who did something. */
export interface Author {
  /** From a cookie that only the server can read; the same in all windows of one browser. */
  person: string;
  /** Not verified: there is no sign-in. */
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

/** Entries that a page shows. */
export const keptEntries = 200;
export const maxNameLength = 32;
export const maxChatLength = 500;
export const maxAlertLength = 160;

/** The action's result: empty, or an error with the typed text. */
export interface PostState {
  error?: string;
  text?: string;
}
