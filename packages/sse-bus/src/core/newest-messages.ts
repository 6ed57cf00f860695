import type { LogMessage } from "./message.ts";

/*
 * `superseded` and `isOutdated` of a message are set here and nowhere else.
 *
 * Several logs may hold the same message: those of a channel and of patterns that cover it, and that
 * of the memory backend. Each of them sets the marks when it receives the newer message. This is safe,
 * because the marks are facts about the order of the bus, not about one log: they are set once and
 * never unset, and it does not matter which log is first.
 */

/** The newest message of each key in one log. */
export interface NewestMessages {
  /** The channel or pattern of the log. */
  readonly name: string;
  /** By channel and key; made for the first message with a key. */
  byKey: Map<string, LogMessage> | undefined;
  /** The newest message without a key; in a pattern's log, of each channel. */
  keyless: LogMessage | Map<string, LogMessage> | undefined;
}

/**
 * Notes a message that is newer than all others of the log, and marks the one it replaces.
 *
 * @returns whether it supersedes a message of its key
 */
export function noteNewest(newest: NewestMessages, message: LogMessage): boolean {
  if (message.key === undefined) {
    noteKeyless(newest, message);
    return false;
  }
  newest.byKey ??= new Map();
  const id = keyOf(message);
  const older = newest.byKey.get(id);
  if (older) older.superseded = true;
  newest.byKey.set(id, message);
  return older !== undefined;
}

/** Whether this log has no newer message of the same channel and key. */
export function isNewest({ byKey }: NewestMessages, message: LogMessage): boolean {
  return byKey?.get(keyOf(message)) === message;
}

/** Forgets a message that the log drops, if it is the newest of its key. */
export function forgetNewest(newest: NewestMessages, message: LogMessage): void {
  const { byKey, keyless } = newest;
  if (message.key !== undefined) byKey?.delete(keyOf(message));
  else if (keyless === message) newest.keyless = undefined;
  else if (keyless instanceof Map && !message.isOutdated) keyless.delete(message.channel);
}

function noteKeyless(newest: NewestMessages, message: LogMessage): void {
  if (message.channel === newest.name) {
    if (newest.keyless) (newest.keyless as LogMessage).isOutdated = true;
    newest.keyless = message;
    return;
  }
  newest.keyless ??= new Map<string, LogMessage>();
  const byChannel = newest.keyless as Map<string, LogMessage>;
  const older = byChannel.get(message.channel);
  if (older) older.isOutdated = true;
  byChannel.set(message.channel, message);
}

/** A pattern's log holds many channels, and a key counts within its own. */
function keyOf({ channel, key = "" }: LogMessage): string {
  return `${channel} ${key}`;
}
