import type { Socket } from "node:net";
import { mayAskForPage } from "../http/page-request.ts";
import type { RequestHead } from "../http/request-head.ts";
import { absoluteUrl } from "./request-head.ts";

/** A GET without a body, in the form that all common clients send. */
export interface PlainRequest extends RequestHead {
  readonly method: "GET";
  /** Names are in lower case, each once. */
  readonly fields: ReadonlyMap<string, string>;
}

/** Larger heads are refused by `node:http` itself (`maxHeaderSize`). */
const MAX_BYTES = 16_384;

/**
 * Parses bytes that are exactly one HTTP/1.1 request for this path, as browsers send it. Anything ambiguous gives
 * `undefined`, and `node:http` parses or refuses it: a body or a second request after the head, another method or
 * version, a repeated field, a folded line, a name or value with anything but visible ASCII (RFC 9112 §2 to §5).
 */
export function readPlainRequest(bytes: Uint8Array, path: string): PlainRequest | undefined {
  const { length } = bytes;
  const isOne = length <= MAX_BYTES && bytes[0] === G && bytes[length - 1] === LF;
  if (!isOne) return undefined;
  const [line = "", ...lines] = (bytes as Buffer).toString("latin1").split("\r\n");
  // The head ends with an empty line, and nothing follows.
  if (lines.pop() !== "" || lines.pop() !== "") return undefined;
  const target = REQUEST_LINE.exec(line)?.[1];
  if (target === undefined || !(target === path || target.startsWith(`${path}?`))) return undefined;
  // A page is one of many requests of its connection, and the connection must not end with it.
  if (mayAskForPage(target)) return undefined;
  const fields = new Map<string, string>();
  for (const each of lines) {
    const [, name, value] = FIELD.exec(each) ?? [];
    if (name === undefined || value === undefined) return undefined;
    const key = name.toLowerCase();
    if (fields.has(key) || UNSUPPORTED_FIELDS.has(key)) return undefined;
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
/** White space around the value is trimmed later: a pattern that skips it would take quadratic time. */
const FIELD = /^([\w!#$%&'*+.^`|~-]+):([\t -~]*)$/;
const CONNECTION = /^(?:|keep-alive|close)$/i;
/**
 * Fields that announce a body, or request another protocol or an interim response; and `__proto__`, which Node
 * versions treat differently because their headers are an object.
 */
const UNSUPPORTED_FIELDS = new Set([
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
