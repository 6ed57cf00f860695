import { Buffer } from "node:buffer";

import { isReserved, isStoredChannel } from "../core/channel-name.ts";

/** The meaning of a subject in the stream of a bus. */
export interface BusSubject {
  readonly channel: string;
  readonly key: string | undefined;
}

/**
 * Maps the names of a bus to NATS subjects:
 *
 * - `<stream>.c.<channel>` for messages without a key,
 * - `<stream>.k.<key>.<channel>` for messages with a key, so that the server can return only the newest
 *   message of each key (`last_per_subject`),
 * - `<stream>.rc.<channel>` and `<stream>.rk.<key>.<channel>` for those of reserved channels, so that no
 *   pattern matches them,
 * - `<stream>.f.<slot>` for age markers (see age-markers.ts),
 * - `<stream>.e` for the announcement of a new epoch (see log-stream.ts).
 *
 * The segments of a channel become tokens, so its patterns become wildcards of the server. A token
 * cannot contain `.`, `~` or `:`, or be empty: these are written `=d`, `=t`, `=c` and `=e`.
 */
export interface Subjects {
  /** All subjects of the bus. */
  readonly all: string;
  readonly epoch: string;
  of(channel: string, key: string | undefined): string;
  ageMarker(slot: number): string;
  /** The subjects of a topic's messages without a key, and with a key. */
  filters(topic: string): { readonly keyless: string; readonly keyed: string };
  /** `undefined` if the subject is not one of a message. */
  parse(subject: string): BusSubject | undefined;
}

export function createSubjects(stream: string): Subjects {
  const ordinary: Prefixes = { keyless: `${stream}.c.`, keyed: `${stream}.k.` };
  const reserved: Prefixes = { keyless: `${stream}.rc.`, keyed: `${stream}.rk.` };
  const prefixesOf = (topic: string): Prefixes => (isReserved(topic) ? reserved : ordinary);
  const ageMarkers = `${stream}.f.`;
  return {
    all: `${stream}.>`,
    epoch: `${stream}.e`,
    of(channel, key) {
      const { keyless, keyed } = prefixesOf(channel);
      return key === undefined
        ? keyless + encodeTopic(channel)
        : `${keyed}${encodeKey(key)}.${encodeTopic(channel)}`;
    },
    ageMarker: (slot) => ageMarkers + slot,
    filters(topic) {
      const { keyless, keyed } = prefixesOf(topic);
      const tokens = encodeTopic(topic);
      return { keyless: keyless + tokens, keyed: `${keyed}*.${tokens}` };
    },
    parse(subject) {
      const isOfReserved = subject[stream.length + 1] === "r";
      const parsed = parseSubject(subject, isOfReserved ? reserved : ordinary);
      return parsed && isReserved(parsed.channel) === isOfReserved ? parsed : undefined;
    },
  };
}

/** How the subjects of messages begin. */
interface Prefixes {
  readonly keyless: string;
  readonly keyed: string;
}

function parseSubject(subject: string, { keyless, keyed }: Prefixes): BusSubject | undefined {
  if (subject.startsWith(keyless)) {
    const channel = decodeChannel(subject.slice(keyless.length));
    return channel === undefined ? undefined : { channel, key: undefined };
  }
  if (!subject.startsWith(keyed)) return undefined;
  const dot = subject.indexOf(".", keyed.length);
  const channel = dot < 0 ? undefined : decodeChannel(subject.slice(dot + 1));
  const key = dot < 0 ? undefined : decodeKey(subject.slice(keyed.length, dot));
  return channel === undefined || key === undefined ? undefined : { channel, key };
}

const ESCAPES: Readonly<Record<string, string>> = { ".": "=d", "~": "=t", ":": "=c" };
const ESCAPED = new Map([
  ["=d", "."],
  ["=t", "~"],
  ["=c", ":"],
]);

/** `**` matches one or more segments, as `>` matches one or more tokens. */
function encodeTopic(topic: string): string {
  return topic
    .split("/")
    .map((segment) => {
      if (segment === "**") return ">";
      return segment === "" ? "=e" : segment.replace(/[.~:]/g, (char) => ESCAPES[char] as string);
    })
    .join(".");
}

/** Most channel names need no escapes. */
const PLAIN = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;
const TOKEN = /^(?:=e|(?:[A-Za-z0-9_-]|=[dtc])+)$/;

function decodeChannel(tokens: string): string | undefined {
  const channel = PLAIN.test(tokens)
    ? tokens.replaceAll(".", "/")
    : decodeTokens(tokens.split("."));
  return isStoredChannel(channel) ? channel : undefined;
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
  // Only the exact encoding is valid: a key with two spellings would have two subjects.
  return key.length > 0 && key.length <= 200 && encodeKey(key) === token ? key : undefined;
}
