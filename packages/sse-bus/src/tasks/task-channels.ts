import { decodeChannelSegment, encodeChannelSegment } from "../core/channel-segment.ts";
import { SseBusError } from "../core/errors.ts";

/** Which task: tasks of different owners may have the same id. */
export interface TaskAddress {
  readonly id: string;
  readonly owner?: string | undefined;
}

/** The first segment of every channel of a task. */
const ROOT = "tasks";
/** A channel's name has up to 200 characters, and a key with the instance in front of it, too. */
const MAX_CHANNEL = 180;

/**
 * The channel of a task's state: `tasks/42`, or `tasks/~ada/42` with an owner. No id begins with `~` in a
 * channel, because `encodeChannelSegment` encodes it.
 *
 * @throws SseBusError `INVALID_ID`
 */
export function taskChannel({ id, owner }: TaskAddress): string {
  const channel = `${folderOf(owner)}/${encode("id", id)}`;
  if (channel.length <= MAX_CHANNEL) return channel;
  throw invalid(
    "id",
    `make a channel of ${channel.length} characters, and ${MAX_CHANNEL} are allowed: use shorter ones.`,
  );
}

/** The channel of its log lines. */
export function taskLogChannel(address: TaskAddress): string {
  return `${taskChannel(address)}/log`;
}

/**
 * The pattern that covers the states of all tasks of an owner, or of all tasks without one.
 *
 * @throws SseBusError `INVALID_ID`
 */
export function taskListPattern(owner?: string): string {
  return `${folderOf(owner)}/*`;
}

/**
 * The pattern that covers everything of an owner's tasks, for `authorize`: states, lists and logs. Without an
 * owner, all tasks of all owners.
 *
 * @throws SseBusError `INVALID_ID`
 * @example
 * ```ts
 * authorize: async ({ request, channels }) => {
 *   const user = await userOf(request);
 *   return user !== undefined && channels.every((one) => topicCovers(tasksPattern(user.id), one));
 * }
 * ```
 */
export function tasksPattern(owner?: string): string {
  return `${folderOf(owner)}/**`;
}

/** The task of a state's channel; undefined if it is none. */
export function readTaskChannel(channel: string): TaskAddress | undefined {
  const [root, ...path] = channel.split("/");
  const [first = "", second] = path;
  if (root !== ROOT || channel.length > MAX_CHANNEL) return undefined;
  try {
    if (path.length === 1 && first) return { id: decodeChannelSegment(first) };
    if (path.length !== 2 || !second || first.length < 2 || !first.startsWith("~"))
      return undefined;
    return { id: decodeChannelSegment(second), owner: decodeChannelSegment(first.slice(1)) };
  } catch {
    return undefined;
  }
}

function folderOf(owner: string | undefined): string {
  return owner === undefined ? ROOT : `${ROOT}/~${encode("owner", owner)}`;
}

function encode(name: "id" | "owner", text: unknown): string {
  if (typeof text !== "string" || text === "") throw invalid(name, "must be a text.");
  try {
    return encodeChannelSegment(text);
  } catch {
    throw invalid(name, "must not contain half of a surrogate pair.");
  }
}

function invalid(name: "id" | "owner", problem: string): SseBusError {
  return new SseBusError("INVALID_ID", `The \`${name}\` of a task ${problem}`);
}
