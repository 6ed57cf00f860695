import { isSseBusError, type SseBusErrorCode } from "../core/errors.ts";
import { Refusal } from "./refusal.ts";

/** Codes of refusals that only exist over HTTP; the others are those of `SseBusError`. */
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

/** A refusal on its way to becoming a response. */
export interface Problem {
  readonly status: number;
  readonly code: HttpErrorCode;
  /** The cause and the remedy. */
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Which of the channels asked for are refused, where others are not. */
  readonly channels?: readonly string[];
}

/** A refusal as `application/problem+json` (RFC 9457). */
export function problemResponse({ headers, ...problem }: Problem): Response {
  const { status } = problem;
  const body = { type: "about:blank", title: TITLES[status] ?? "Error", ...problem };
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      "Content-Type": "application/problem+json",
      "Cache-Control": "no-store",
      // The detail may quote the request: nothing may take it for a page.
      "X-Content-Type-Options": "nosniff",
      ...headers,
    },
  });
}

/** What a client may know of an error: all of a bad request, nothing of a fault of ours. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Refusal) return error.problem;
  if (!isSseBusError(error)) {
    return { status: 500, code: "INTERNAL", detail: "The server failed; its log tells why." };
  }
  const { code, message: detail } = error;
  const status = STATUS[code] ?? 400;
  return status === 503
    ? { status, code, detail, headers: { "Retry-After": "1" } }
    : { status, code, detail };
}

const STATUS: Partial<Record<SseBusErrorCode, number>> = {
  AUTHORIZATION_UNAVAILABLE: 503,
  BACKEND_UNAVAILABLE: 503,
  BUS_CLOSED: 503,
  INVALID_OPTION: 500,
  MESSAGE_TOO_LARGE: 413,
  METRICS_UNAVAILABLE: 501,
};

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
