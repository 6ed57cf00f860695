import type { SseBusErrorCode } from "../core/errors.ts";

/** Every `code` of a problem document: those of `SseBusError`, and those that exist over HTTP only. */
export type HttpErrorCode =
  | SseBusErrorCode
  | "CROSS_SITE"
  | "DRAINING"
  | "FORBIDDEN"
  | "HOST_NOT_ALLOWED"
  | "INTERNAL"
  | "INVALID_HOST"
  | "MALFORMED_BODY"
  | "METHOD_NOT_ALLOWED"
  | "MISSING_MESSAGE"
  | "NOT_ACCEPTABLE"
  | "NOT_FOUND"
  | "PATTERN_TOO_DEEP"
  | "PREFETCH"
  | "PUBLISHING_CLOSED"
  | "REQUEST_TIMEOUT"
  | "TOO_MANY_CHANNELS"
  | "TOO_MANY_CONNECTIONS"
  | "TOO_MANY_REQUESTS"
  | "UNAUTHORIZED"
  | "UNSUPPORTED_MEDIA_TYPE";

/** Why a request is refused: the fields of a problem document, and the headers of its response. */
export interface Problem {
  readonly status: number;
  readonly code: HttpErrorCode;
  /** The cause, and what to do. */
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The refused channels, where the other requested ones would be granted. */
  readonly channels?: readonly string[];
}

/** The problem as an `application/problem+json` response (RFC 9457). */
export function problemResponse({ headers, ...problem }: Problem): Response {
  const { status } = problem;
  const body = { type: "about:blank", title: TITLES[status] ?? "Error", ...problem };
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      "Content-Type": "application/problem+json",
      "Cache-Control": "no-store",
      // The detail may quote the request, and must not be rendered as a page.
      "X-Content-Type-Options": "nosniff",
      ...headers,
    },
  });
}

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  408: "Request Timeout",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  429: "Too Many Requests",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
};
