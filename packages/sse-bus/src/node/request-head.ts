import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { INVALID_HOST, isHost } from "../http/host.ts";
import type { Problem } from "../http/problem.ts";
import { Refusal } from "../http/refusal.ts";
import type { RequestHead } from "../http/request-head.ts";

/** What routing and refusing need of a `node:http` request, without a copy. */
export function nodeRequestHead(request: IncomingMessage): RequestHead {
  const { headers, url: target = "/" } = request;
  return {
    method: request.method ?? "GET",
    get url() {
      return urlOf(request);
    },
    target,
    headers: { get: (name) => readHeader(headers, name) },
  };
}

/**
 * A request of `node:http` as a web-standard one; its signal aborts when the client leaves.
 *
 * @throws Refusal `INVALID_HOST`, `METHOD_NOT_ALLOWED` for methods that a `Request` cannot have
 */
export function toWebRequest(request: IncomingMessage, response: ServerResponse): Request {
  const method = request.method ?? "GET";
  if (FORBIDDEN_METHODS.has(method)) throw new Refusal(METHOD_NOT_ALLOWED);
  const url = urlOf(request);
  const abort = new AbortController();
  response.once("close", () => abort.abort());
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    // HTTP/2 has the request line among the headers, as `:method` and so on (RFC 9113 §8.3.1).
    if (name.startsWith(":") || value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) headers.append(name, one);
  }
  // HTTP/2 may name the host in `:authority` only (RFC 9113 §8.3.1); handlers read it from `host`.
  const host = readHeader(request.headers, "host");
  if (host !== null) headers.set("host", host);
  const hasBody = method !== "GET" && method !== "HEAD";
  const body = hasBody ? { body: Readable.toWeb(request) as ReadableStream, duplex: "half" } : {};
  return new Request(url, { method, headers, signal: abort.signal, ...body });
}

/** Methods that the Fetch standard forbids (§2.2.1): `new Request` throws. */
const FORBIDDEN_METHODS = new Set(["CONNECT", "TRACE", "TRACK"]);

const METHOD_NOT_ALLOWED: Problem = {
  status: 405,
  code: "METHOD_NOT_ALLOWED",
  detail: "This method is not supported: use GET or POST.",
  headers: { Allow: "GET, POST, OPTIONS" },
};

/**
 * The URL of a request's target (RFC 9112 §3.3). An absolute target names the host itself; `*` reads as `/`.
 *
 * @throws Refusal `INVALID_HOST`
 */
export function absoluteUrl(target: string, host: string, scheme: "http" | "https"): string {
  const [, ownHost] = ABSOLUTE.exec(target) ?? [];
  if (!isHost(ownHost ?? host)) throw new Refusal(INVALID_HOST);
  if (ownHost !== undefined) return target;
  // Not resolved against the base: `//evil` would then be a host.
  return `${scheme}://${host}${target.startsWith("/") ? target : "/"}`;
}

const ABSOLUTE = /^https?:\/\/([^/?#\\]*)/i;

function urlOf(request: IncomingMessage): string {
  const { url = "/", headers, socket } = request;
  const host = readHeader(headers, "host") ?? "localhost";
  return absoluteUrl(url, host, "encrypted" in socket ? "https" : "http");
}

function readHeader(headers: IncomingHttpHeaders, name: string): string | null {
  if (name === "host") return readHost(headers);
  const value = headers[name];
  return Array.isArray(value) ? value.join(", ") : (value ?? null);
}

/**
 * The host of a request. Over HTTP/2 it is `:authority`, and `host` may repeat it. If the two differ, the result is a
 * list, which is not a host, so that the request is refused (RFC 9113 §8.3.1).
 */
function readHost({ host, ":authority": authority }: IncomingHttpHeaders): string | null {
  if (typeof authority !== "string") return host ?? null;
  if (host === undefined || host.toLowerCase() === authority.toLowerCase()) return authority;
  return `${authority}, ${host}`;
}
