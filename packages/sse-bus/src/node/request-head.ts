import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { RequestHead } from "../http/request-head.ts";

/** A request of `node:http` as far as routing and refusing need it, without copying it. */
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

/** A request of `node:http` as a web-standard one; its signal aborts when the client leaves. */
export function toWebRequest(request: IncomingMessage, response: ServerResponse): Request {
  const abort = new AbortController();
  response.once("close", () => abort.abort());
  const method = request.method ?? "GET";
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    // HTTP/2 has the request line among the headers, as `:method` and so on (RFC 9113 §8.3.1).
    if (name.startsWith(":") || value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) headers.append(name, one);
  }
  const hasBody = method !== "GET" && method !== "HEAD";
  const body = hasBody ? { body: Readable.toWeb(request) as ReadableStream, duplex: "half" } : {};
  return new Request(urlOf(request), { method, headers, signal: abort.signal, ...body });
}

/** The URL of a request's target; one that is no URL at all reads as `/`. */
export function absoluteUrl(target: string, host: string, scheme: "http" | "https"): string {
  const base = URL.canParse(`${scheme}://${host}`)
    ? `${scheme}://${host}`
    : `${scheme}://localhost`;
  // Not resolved against the base: `//evil` would then be a host.
  const absolute = target.startsWith("/") ? base + target : target;
  return URL.canParse(absolute) ? absolute : `${base}/`;
}

/** Its host is what the client says it asked. */
function urlOf({ url = "/", headers, socket }: IncomingMessage): string {
  const host = headers.host ?? readHeader(headers, ":authority") ?? "localhost";
  return absoluteUrl(url, host, "encrypted" in socket ? "https" : "http");
}

function readHeader(headers: IncomingHttpHeaders, name: string): string | null {
  const value = headers[name];
  return Array.isArray(value) ? value.join(", ") : (value ?? null);
}
