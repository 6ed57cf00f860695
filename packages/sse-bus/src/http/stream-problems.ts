import type { Problem } from "./problem.ts";
import { crossSite, methodNotAllowed } from "./usual-problems.ts";

/** The methods of a stream route: in `Allow` of a 405 and of the answer to OPTIONS. */
export const STREAM_METHODS = "GET, HEAD, OPTIONS";

export const METHOD_NOT_ALLOWED: Problem = methodNotAllowed(
  STREAM_METHODS,
  "Read the stream with GET.",
);

export const NOT_ACCEPTABLE: Problem = {
  status: 406,
  code: "NOT_ACCEPTABLE",
  detail:
    "This is a text/event-stream: send `Accept: text/event-stream` or no Accept; for a page with `wait`, also `application/json`.",
};

export const PRESENCE_AS_JSON: Problem = {
  status: 400,
  code: "INVALID_PAGE",
  detail: "Presence is delivered as events: ask for it with `Accept: text/event-stream`.",
};

export const CROSS_SITE: Problem = crossSite("embed a stream", "read it with EventSource or fetch");

export const DRAINING: Problem = {
  status: 503,
  code: "DRAINING",
  detail: "This server is shutting down. Reconnect: another instance, or the next one, answers.",
  headers: { "Retry-After": "1" },
};

export const REVOKED: Problem = {
  status: 503,
  code: "AUTHORIZATION_UNAVAILABLE",
  detail: "Access was revoked again and again while it was checked. Retry later.",
  headers: { "Retry-After": "1" },
};
