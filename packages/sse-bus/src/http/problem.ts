import { errorPage } from "../core/error-page.ts";
import type { SseBusErrorCode, StoredInBatch } from "../core/errors.ts";
import { type HttpAnswer, PRIVATE_HEADERS } from "./answer.ts";

/** Every `code` of a problem document: those of `SseBusError`, and those that exist over HTTP only. */
export type HttpErrorCode =
  | SseBusErrorCode
  | "CROSS_SITE"
  | "DRAINING"
  | "FORBIDDEN"
  | "HOST_NOT_ALLOWED"
  | "INTERNAL"
  | "INVALID_HOST"
  | "INVALID_PAGE"
  | "MALFORMED_BODY"
  | "METHOD_NOT_ALLOWED"
  | "MISSING_MESSAGE"
  | "NOT_ACCEPTABLE"
  | "NOT_FOUND"
  | "PATTERN_TOO_DEEP"
  | "PREFETCH"
  | "PRESENCE_OFF"
  | "PUBLISHING_CLOSED"
  | "REQUEST_TIMEOUT"
  | "TOO_MANY_CHANNELS"
  | "TOO_MANY_CONNECTIONS"
  | "TOO_MANY_REQUESTS"
  | "UNAUTHORIZED"
  | "UNKNOWN_CONNECTION"
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
  /** The message of a batch that it is about, from 0. */
  readonly index?: number;
  /** What is stored of a batch of which only a part is known to be. */
  readonly stored?: readonly (StoredInBatch | null)[];
}

/** The problem as an `application/problem+json` answer (RFC 9457). */
export function problemAnswer({ headers, ...problem }: Problem): HttpAnswer {
  const { status, code } = problem;
  return {
    status,
    // The detail may quote the request, and must not be rendered as a page: `nosniff`.
    headers: { "Content-Type": "application/problem+json", ...PRIVATE_HEADERS, ...headers },
    body: JSON.stringify({ type: errorPage(code), title: titleOf(code), ...problem }),
  };
}

/** "Too many channels": of the code and not of the status, because a title belongs to its type (RFC 9457 §3.1.4). */
function titleOf(code: HttpErrorCode): string {
  const words = code.toLowerCase().replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
