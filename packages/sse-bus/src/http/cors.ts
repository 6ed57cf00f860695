import { SseBusError } from "../core/errors.ts";
import type { RequestHead } from "./request-head.ts";
import { namesEventStream } from "./stream-request.ts";

/** Which pages of other origins may use a route. */
export interface CorsOptions {
  /** Exact origins, such as `https://app.example.com`; there are no wildcards. */
  readonly origins: readonly string[];
  /** Requests may carry cookies. @default false */
  readonly credentials?: boolean;
}

/** @throws SseBusError `INVALID_OPTION` for values that no browser sends as `Origin`, which would never match */
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

/** The headers that let the page behind this request read the answer (Fetch standard §3.3). */
export function corsHeaders(
  request: RequestHead,
  cors: CorsOptions | undefined,
): Record<string, string> {
  if (!cors) return {};
  const origin = request.headers.get("origin");
  // A cache must not serve one origin's answer to another, whether or not this origin is allowed.
  if (origin === null || !cors.origins.includes(origin)) return { Vary: "Origin" };
  return {
    Vary: "Origin",
    "Access-Control-Allow-Origin": origin,
    "Access-Control-Expose-Headers": "Retry-After",
    ...(cors.credentials && { "Access-Control-Allow-Credentials": "true" }),
  };
}

/** Answers OPTIONS, a CORS preflight among them. */
export function optionsResponse(
  request: RequestHead,
  allow: string,
  cors: CorsOptions | undefined,
): Response {
  const headers = corsHeaders(request, cors);
  const isAllowed = "Access-Control-Allow-Origin" in headers;
  return new Response(null, {
    status: 204,
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
  });
}

/**
 * Every header that an allowed origin asks for: its pages could send the content by other means anyway, and
 * custom headers (`headers` of the client) work without a list to maintain.
 */
function allowedHeaders({ headers }: RequestHead): string {
  const asked = (headers.get("access-control-request-headers") ?? "").split(",");
  const names = asked.slice(0, MAX_HEADERS).map((name) => name.trim());
  return [...USUAL_HEADERS, ...names.filter((name) => TOKEN.test(name))].join(", ");
}

const USUAL_HEADERS = ["Authorization", "Content-Type", "Last-Event-ID"];
/** Bounds the answer. No page needs more. */
const MAX_HEADERS = 50;
/** A field name (RFC 9110 §5.1). */
const TOKEN = /^[\w!#$%&'*+.^`|~-]{1,100}$/;

/**
 * Whether a browser sends this request on behalf of a page of another site. Such a request carries the
 * user's cookies without the user's intent (CSRF).
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
 * Whether `Referer` is a page of another origin. Over plain HTTP, except to loopback, browsers send no `Sec-Fetch-*`,
 * and no `Origin` with a GET.
 */
function isReferredElsewhere(request: RequestHead, cors: CorsOptions | undefined): boolean {
  const referrer = request.headers.get("referer");
  if (referrer === null || referrer === "") return false;
  const from = URL.canParse(referrer) ? new URL(referrer).origin : "null";
  return !cors?.origins.includes(from) && from !== ownOrigin(request, from);
}

/**
 * Whether a page of another origin embeds this address as an image, a script, a frame or the like. It cannot
 * read the stream, but each of its visitors would hold one open.
 */
export function isEmbeddedElsewhere(request: RequestHead, cors: CorsOptions | undefined): boolean {
  const { headers } = request;
  const site = headers.get("sec-fetch-site");
  if (site === null) {
    // Pages read streams of other origins with `Origin`, and with this `Accept`, which elements do not send.
    const isRead = headers.get("origin") !== null || namesEventStream(request);
    return !isRead && isReferredElsewhere(request, cors);
  }
  if (site !== "cross-site" && site !== "same-site") return false;
  const mode = headers.get("sec-fetch-mode");
  const isFrame = mode === "navigate" && headers.get("sec-fetch-dest") !== "document";
  return mode === "no-cors" || isFrame;
}

/** The given origin, if it is that of this server, going by the requested host. */
function ownOrigin(request: RequestHead, origin: string): string | undefined {
  const host = request.headers.get("host") ?? new URL(request.url).host;
  // Behind a proxy that ends TLS the server does not know its own scheme: compare hosts.
  const own = URL.canParse(origin) ? new URL(origin) : undefined;
  return own && own.host === host ? origin : undefined;
}
