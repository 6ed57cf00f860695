import { Buffer } from "node:buffer";

/** What a subject of the bus's stream stands for. */
export interface BusSubject {
  readonly channel: string;
  readonly key: string | undefined;
}

/**
 * How the bus's names become subjects below the stream's own name:
 *
 * - `<stream>.c.<channel>` for messages without a key,
 * - `<stream>.k.<key>.<channel>` for those with one, so that the server keeps each key's newest
 *   apart and can give it alone (`last_per_subject`),
 * - `<stream>.f.<slot>` for fences (see fences.ts),
 * - `<stream>.e` for the news that the log has another epoch (see stream.ts).
 *
 * A channel's segments are tokens, so its patterns are the server's wildcards. `.`, `~`, `:` and the
 * empty segment, which a token cannot hold, are written `=d`, `=t`, `=c` and `=e`.
 */
export interface Subjects {
  /** Everything of the bus. */
  readonly all: string;
  readonly epoch: string;
  of(channel: string, key: string | undefined): string;
  fence(slot: number): string;
  /** Subjects that hold a topic's messages without a key, and those with one. */
  filters(topic: string): { readonly keyless: string; readonly keyed: string };
  /** What a subject stands for; `undefined` if it is no message of ours. */
  parse(subject: string): BusSubject | undefined;
}

export function createSubjects(stream: string): Subjects {
  const keyless = `${stream}.c.`;
  const keyed = `${stream}.k.`;
  const fences = `${stream}.f.`;
  return {
    all: `${stream}.>`,
    epoch: `${stream}.e`,
    of: (channel, key) =>
      key === undefined
        ? keyless + encodeTopic(channel)
        : `${keyed}${encodeKey(key)}.${encodeTopic(channel)}`,
    fence: (slot) => fences + slot,
    filters(topic) {
      const tokens = encodeTopic(topic);
      return { keyless: keyless + tokens, keyed: `${keyed}*.${tokens}` };
    },
    parse(subject) {
      if (subject.startsWith(keyless)) {
        const channel = decodeChannel(subject.slice(keyless.length));
        return channel === undefined ? undefined : { channel, key: undefined };
      }
      if (!subject.startsWith(keyed)) return undefined;
      const dot = subject.indexOf(".", keyed.length);
      const channel = dot < 0 ? undefined : decodeChannel(subject.slice(dot + 1));
      const key = dot < 0 ? undefined : decodeKey(subject.slice(keyed.length, dot));
      return channel === undefined || key === undefined ? undefined : { channel, key };
    },
  };
}

const ESCAPES: Readonly<Record<string, string>> = { ".": "=d", "~": "=t", ":": "=c" };
const ESCAPED = new Map([
  ["=d", "."],
  ["=t", "~"],
  ["=c", ":"],
]);

/** `**` is one segment or more, as `>` is one token or more. */
function encodeTopic(topic: string): string {
  return topic
    .split("/")
    .map((segment) => {
      if (segment === "**") return ">";
      return segment === "" ? "=e" : segment.replace(/[.~:]/g, (char) => ESCAPES[char] as string);
    })
    .join(".");
}

/** Tokens that stand for themselves, as in most channels' names. */
const PLAIN = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;
const TOKEN = /^(?:=e|(?:[A-Za-z0-9_-]|=[dtc])+)$/;

function decodeChannel(tokens: string): string | undefined {
  const channel = PLAIN.test(tokens)
    ? tokens.replaceAll(".", "/")
    : decodeTokens(tokens.split("."));
  return channel && channel.length <= 200 ? channel : undefined;
}

function decodeTokens(tokens: readonly string[]): string | undefined {
  if (!tokens.every((token) => TOKEN.test(token))) return undefined;
  return tokens
    .map((token) =>
      token === "=e" ? "" : token.replace(/=[dtc]/g, (code) => ESCAPED.get(code) as string),
    )
    .join("/");
}

function encodeKey(key: string): string {
  return Buffer.from(key, "utf8").toString("base64url");
}

function decodeKey(token: string): string | undefined {
  const key = Buffer.from(token, "base64url").toString("utf8");
  // Only what encodes to the very same token: two spellings of a key would be two subjects.
  return key.length > 0 && key.length <= 200 && encodeKey(key) === token ? key : undefined;
}
