import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { INVALID_HOST, isHost } from "../http/host.ts";
import { Refusal } from "../http/refusal.ts";
import type { RequestHead } from "../http/request-head.ts";
import { onResponseGone } from "./response-gone.ts";

/** What routing and refusing need of a `node:http` request, without a copy. */
export function nodeRequestHead(request: IncomingMessage): RequestHead {
  return new NodeRequestHead(request);
}

/** A class that is its own `headers`: each request makes one object, without closures. */
class NodeRequestHead implements RequestHead {
  readonly method: string;
  readonly target: string;
  private readonly request: IncomingMessage;

  constructor(request: IncomingMessage) {
    this.request = request;
    this.method = request.method ?? "GET";
    this.target = request.url ?? "/";
  }

  get url(): string {
    return urlOf(this.request);
  }

  get headers(): this {
    return this;
  }

  get(name: string): string | null {
    return readHeader(this.request.headers, name);
  }
}

/**
 * A request of `node:http` as a web-standard one, without its body, for functions of the application; its signal
 * aborts when the client leaves. The method must be one that a `Request` can have.
 *
 * @throws Refusal `INVALID_HOST`
 */
export function toWebRequest(request: IncomingMessage, response: ServerResponse): Request {
  const url = urlOf(request);
  const abort = new AbortController();
  onResponseGone(response, () => abort.abort());
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    // HTTP/2 has the request line among the headers, as `:method` and so on (RFC 9113 §8.3.1).
    if (name.startsWith(":") || value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) headers.append(name, one);
  }
  // HTTP/2 may name the host in `:authority` only (RFC 9113 §8.3.1); handlers read it from `host`.
  const host = readHeader(request.headers, "host");
  if (host !== null) headers.set("host", host);
  return new Request(url, { method: request.method ?? "GET", headers, signal: abort.signal });
}

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
