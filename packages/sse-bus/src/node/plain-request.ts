import type { Socket } from "node:net";
import type { RequestHead } from "../http/request-head.ts";
import { absoluteUrl } from "./request-head.ts";

/** A GET without a body, in the one form that every client sends. */
export interface PlainRequest extends RequestHead {
  readonly method: "GET";
  /** Names are in lower case, each once. */
  readonly fields: ReadonlyMap<string, string>;
}

/** Larger heads are refused by `node:http` itself (`maxHeaderSize`). */
const MAX_BYTES = 16_384;

/**
 * Reads bytes that are exactly one request of HTTP/1.1 for this path, as browsers send it. Whatever
 * could be read in two ways gives `undefined`, and is `node:http`'s to read or to refuse: a body or a
 * second request behind the head, another method or version, a field twice, a folded line, a name or
 * value with anything but visible ASCII (RFC 9112 §2 to §5).
 */
export function readPlainRequest(bytes: Uint8Array, path: string): PlainRequest | undefined {
  const { length } = bytes;
  const isOne = length <= MAX_BYTES && bytes[0] === G && bytes[length - 1] === LF;
  if (!isOne) return undefined;
  const [line = "", ...lines] = (bytes as Buffer).toString("latin1").split("\r\n");
  // The head ends with an empty line, and nothing follows it.
  if (lines.pop() !== "" || lines.pop() !== "") return undefined;
  const target = REQUEST_LINE.exec(line)?.[1];
  if (target === undefined || !(target === path || target.startsWith(`${path}?`))) return undefined;
  const fields = new Map<string, string>();
  for (const each of lines) {
    const [, name, value] = FIELD.exec(each) ?? [];
    if (name === undefined || value === undefined) return undefined;
    const key = name.toLowerCase();
    if (fields.has(key) || OTHERS.has(key)) return undefined;
    fields.set(key, value.trim());
  }
  const host = fields.get("host");
  if (host === undefined || !CONNECTION.test(fields.get("connection") ?? "")) return undefined;
  return {
    method: "GET",
    get url() {
      return absoluteUrl(target, host, "http");
    },
    target,
    headers: { get: (name) => fields.get(name) ?? null },
    fields,
  };
}

/** As a web-standard request, for `authorize`; its signal aborts when the client leaves. */
export function plainWebRequest({ url, fields }: PlainRequest, socket: Socket): Request {
  const abort = new AbortController();
  socket.once("close", () => abort.abort());
  return new Request(url, { headers: [...fields], signal: abort.signal });
}

const G = 0x47;
const LF = 0x0a;
const REQUEST_LINE = /^GET ([!-~]+) HTTP\/1\.1$/;
/** White space around the value is not part of it; to leave it out here would take quadratic time. */
const FIELD = /^([\w!#$%&'*+.^`|~-]+):([\t -~]*)$/;
const CONNECTION = /^(?:|keep-alive|close)$/i;
/**
 * Fields that announce a body, or ask for another protocol or an answer in between; and the one that
 * versions of Node read differently, as their headers are an object.
 */
const OTHERS = new Set([
  "content-length",
  "transfer-encoding",
  "trailer",
  "te",
  "upgrade",
  "expect",
  "http2-settings",
  "proxy-connection",
  "__proto__",
]);
