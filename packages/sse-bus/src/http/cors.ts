import { SseBusError } from "../core/errors.ts";
import { namesEventStream } from "./accept.ts";
import type { HttpAnswer } from "./answer.ts";
import type { RequestHead } from "./request-head.ts";

/** Which pages of other origins may use a route. */
export interface CorsOptions {
  /** Exact origins, such as `https://app.example.com`. Wildcards are not supported. */
  readonly origins: readonly string[];
  /** Whether requests may include cookies. @default false */
  readonly credentials?: boolean;
}

/** @throws SseBusError `INVALID_OPTION` for a value that no browser sends as `Origin`, so that it would never match */
export function assertCors(cors: CorsOptions | undefined): void {
  for (const origin of cors?.origins ?? []) {
    const isExact = URL.canParse(origin) && new URL(origin).origin === origin;
    if (isExact && !origin.includes("*")) continue;
    throw new SseBusError(
      "INVALID_OPTION",
      `\`cors.origins\` must hold exact origins such as https://app.example.com, without a path or a wildcard; got ${JSON.stringify(origin)}.`,
    );
  }
}

/** The headers that permit the page that sent this request to read the response (Fetch standard §3.3). */
export function corsHeaders(
  request: RequestHead,
  cors: CorsOptions | undefined,
): Record<string, string> {
  if (!cors) return {};
  const origin = request.headers.get("origin");
  // A cache must not serve the response for one origin to another, so `Vary` is needed for other origins,
  // too.
  if (origin === null || !cors.origins.includes(origin)) return { Vary: "Origin" };
  return {
    Vary: "Origin",
    "Access-Control-Allow-Origin": origin,
    "Access-Control-Expose-Headers": "Retry-After",
    ...(cors.credentials && { "Access-Control-Allow-Credentials": "true" }),
  };
}

/** The answer to an OPTIONS request, which includes CORS preflights. */
export function optionsAnswer(
  request: RequestHead,
  allow: string,
  cors: CorsOptions | undefined,
): HttpAnswer {
  const headers = corsHeaders(request, cors);
  const isAllowed = "Access-Control-Allow-Origin" in headers;
  return {
    status: 204,
    body: null,
    headers: {
      Allow: allow,
      ...headers,
      ...(cors && { Vary: "Origin, Access-Control-Request-Headers" }),
      ...(isAllowed && {
        "Access-Control-Allow-Methods": allow,
        "Access-Control-Allow-Headers": allowedHeaders(request),
        "Access-Control-Max-Age": "600",
      }),
    },
  };
}

/**
 * Permits every header that an allowed origin requests. Custom headers (`headers` of the client) then work
 * without a list. This adds no risk, because pages of that origin can send the same content in other ways.
 */
function allowedHeaders({ headers }: RequestHead): string {
  const asked = (headers.get("access-control-request-headers") ?? "").split(",");
  const names = asked.slice(0, MAX_HEADERS).map((name) => name.trim());
  return [...USUAL_HEADERS, ...names.filter((name) => TOKEN.test(name))].join(", ");
}

const USUAL_HEADERS = ["Authorization", "Content-Type", "Last-Event-ID"];
/** Limits the size of the response. No page needs more headers. */
const MAX_HEADERS = 50;
/** A field name (RFC 9110 §5.1). */
const TOKEN = /^[\w!#$%&'*+.^`|~-]{1,100}$/;

/**
 * Whether a browser sends this request for a page of another origin that `cors` does not allow. Such a
 * request includes the user's cookies without the user's intent (CSRF).
 */
export function isCrossSite(request: RequestHead, cors: CorsOptions | undefined): boolean {
  const origin = request.headers.get("origin");
  if (origin !== null) {
    return !cors?.origins.includes(origin) && origin !== ownOrigin(request, origin);
  }
  const site = request.headers.get("sec-fetch-site");
  if (site !== null) return site === "cross-site" || site === "same-site";
  return isReferredElsewhere(request, cors);
}

/**
 * Whether `Referer` is a page of another origin. It is the only evidence over plain HTTP: except to loopback,
 * browsers then send no `Sec-Fetch-*`, and no `Origin` with a GET.
 */
function isReferredElsewhere(request: RequestHead, cors: CorsOptions | undefined): boolean {
  const referrer = request.headers.get("referer");
  if (referrer === null || referrer === "") return false;
  const from = URL.canParse(referrer) ? new URL(referrer).origin : "null";
  return !cors?.origins.includes(from) && from !== ownOrigin(request, from);
}

/**
 * Whether a page of another origin embeds this URL, for example as an image, a script or a frame. Such a page
 * cannot read the stream, but each of its visitors would keep one open.
 */
export function isEmbeddedElsewhere(request: RequestHead, cors: CorsOptions | undefined): boolean {
  const { headers } = request;
  const site = headers.get("sec-fetch-site");
  if (site === null) {
    // A page that reads a stream of another origin sends `Origin` and this `Accept`. Embedded elements send
    // neither.
    const isRead = headers.get("origin") !== null || namesEventStream(request);
    return !isRead && isReferredElsewhere(request, cors);
  }
  if (site !== "cross-site" && site !== "same-site") return false;
  const mode = headers.get("sec-fetch-mode");
  const isFrame = mode === "navigate" && headers.get("sec-fetch-dest") !== "document";
  return mode === "no-cors" || isFrame;
}

/** Returns `origin` if its host is the requested host, which means that it is this server's own origin. */
function ownOrigin(request: RequestHead, origin: string): string | undefined {
  const host = request.headers.get("host") ?? new URL(request.url).host;
  // Behind a proxy that terminates TLS, the server does not know its own scheme. So compare only hosts.
  const own = URL.canParse(origin) ? new URL(origin) : undefined;
  return own && own.host === host ? origin : undefined;
}
