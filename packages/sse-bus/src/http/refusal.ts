import { isSseBusError, type SseBusErrorCode } from "../core/errors.ts";
import { type ConnectionRegistry, increment } from "./connections.ts";
import type { Problem } from "./problem.ts";

/**
 * A request is refused: thrown where the reason is found, caught once where the handler answers. It never
 * leaves the handlers. Not an `Error`: nobody reads its stack trace, and taking one is most of what a refusal costs
 * under a flood of requests.
 */
export class Refusal {
  readonly problem: Problem;
  /** The option whose limit the request exceeds, if that is the reason. */
  readonly limit: string | undefined;

  constructor(problem: Problem, options: { readonly limit?: string } = {}) {
    this.problem = problem;
    this.limit = options.limit;
  }
}

/** Any error as a refusal. The client learns all about a bad request, and nothing about a server fault. */
export function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (!isSseBusError(error)) return new Refusal(INTERNAL);
  const { code, message: detail, index, stored } = error;
  const status = STATUS[code] ?? 400;
  const limit = LIMITS[code];
  return new Refusal(
    {
      status,
      code,
      detail,
      ...(status === 503 && { headers: { "Retry-After": "1" } }),
      ...(index !== undefined && { index }),
      ...(stored && { stored: stored.map((each) => each ?? null) }),
    },
    limit === undefined ? {} : { limit },
  );
}

/** Counts a refusal for the metrics. */
export function countRefusal(connections: ConnectionRegistry, { problem, limit }: Refusal): void {
  increment(connections.refusals, problem.code);
  if (limit !== undefined) increment(connections.limitsHit, limit);
}

const INTERNAL: Problem = {
  status: 500,
  code: "INTERNAL",
  detail: "The server failed. Its log has the cause.",
};

/** The limits that a request exceeds. */
const LIMITS: Partial<Record<SseBusErrorCode, string>> = {
  BATCH_TOO_LARGE: "maxBatchBytes",
  MESSAGE_TOO_LARGE: "maxMessageBytes",
};

/** Status of the errors that are not the client's mistake, which is 400. */
const STATUS: Partial<Record<SseBusErrorCode, number>> = {
  AUTHORIZATION_UNAVAILABLE: 503,
  BACKEND_UNAVAILABLE: 503,
  BATCH_TOO_LARGE: 413,
  BODY_ALREADY_READ: 500,
  BUS_CLOSED: 503,
  INVALID_OPTION: 500,
  MESSAGE_TOO_LARGE: 413,
  METRICS_UNAVAILABLE: 501,
  TOO_MANY_STREAMS: 503,
};
