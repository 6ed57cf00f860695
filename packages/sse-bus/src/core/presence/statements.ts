import { type Contribution, isInstance, readContribution } from "./contribution.ts";

/** A question to all instances: what do you contribute to these channels? */
export interface Question {
  /** Where the answers go: `~inbox/<to>`. */
  readonly to: string;
  readonly ask: string;
  readonly channels: readonly string[];
}

/** A part of an instance's answer. */
export interface Answer {
  readonly ask: string;
  readonly i: string;
  /** The position of the question. */
  readonly at: number;
  /** From 1 to `of`. */
  readonly part: number;
  readonly of: number;
  /** Contributions, each with the index of its channel in the question. */
  readonly members: readonly (readonly [channel: number, contribution: Contribution])[];
}

/** Channels in one question. */
export const MAX_CHANNELS_ASKED = 100;

/** Characters of one part: it stays below 64 KiB, also where each takes more than a byte. */
const MAX_PART_LENGTH = 20_000;
const MAX_PARTS = 10_000;
const NAME = /^[0-9a-z]{1,40}$/;

export function readQuestion(data: unknown): Question | undefined {
  const { to, ask, channels } = asObject(data);
  if (!isName(to) || !isName(ask) || !Array.isArray(channels)) return undefined;
  if (channels.length > MAX_CHANNELS_ASKED) return undefined;
  if (!channels.every((name) => typeof name === "string" && name.length <= 200)) return undefined;
  return { to, ask, channels };
}

/** Splits an answer into parts; one that has nothing to say has one empty part. */
export function createAnswer(
  { ask, i, at }: Pick<Answer, "ask" | "i" | "at">,
  members: Iterable<readonly [channel: number, contribution: Contribution]>,
): Answer[] {
  let group: (readonly [number, Contribution])[] = [];
  const groups = [group];
  let length = 0;
  for (const member of members) {
    const own = JSON.stringify(member).length;
    if (length + own > MAX_PART_LENGTH && group.length > 0) {
      groups.push((group = []));
      length = 0;
    }
    group.push(member);
    length += own;
  }
  return groups.map((each, index) => ({
    ask,
    i,
    at,
    part: index + 1,
    of: groups.length,
    members: each,
  }));
}

export function readAnswer(data: unknown): Answer | undefined {
  const { ask, i, at, part, of, members } = asObject(data);
  if (!isName(ask) || !isInstance(i) || !Number.isSafeInteger(at)) return undefined;
  if (!isPart(part) || !isPart(of) || part > of || !Array.isArray(members)) return undefined;
  const read: (readonly [number, Contribution])[] = [];
  for (const member of members as unknown[]) {
    if (!Array.isArray(member)) return undefined;
    const [channel, data] = member as [unknown, unknown];
    const contribution = readContribution(data);
    if (!Number.isSafeInteger(channel) || contribution?.i !== i) return undefined;
    read.push([channel as number, contribution]);
  }
  return { ask, i, at: at as number, part, of, members: read };
}

function asObject(data: unknown): Record<string, unknown> {
  return typeof data === "object" && data !== null ? (data as Record<string, unknown>) : {};
}

function isName(value: unknown): value is string {
  return typeof value === "string" && NAME.test(value);
}

function isPart(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= MAX_PARTS;
}
