import { Refusal } from "./refusal.ts";
import type { RequestHead } from "./request-head.ts";
import { methodNotAllowed } from "./usual-problems.ts";

/** The methods of a route that only reads, for `Allow`. */
export const READ_METHODS = "GET, HEAD, OPTIONS";

/** @throws Refusal `METHOD_NOT_ALLOWED` */
export function checkReadMethod({ method }: RequestHead): void {
  if (method === "GET" || method === "HEAD") return;
  throw new Refusal(methodNotAllowed(READ_METHODS, "Read it with GET."));
}
