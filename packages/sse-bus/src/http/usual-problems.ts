import type { Problem } from "./problem.ts";

/**
 * A method that the route does not support (RFC 9110 §15.5.6).
 *
 * @param allow the methods that it supports
 * @param how what they do, if the route's name does not say it
 */
export function methodNotAllowed(allow: string, how = `Use ${allow}.`): Problem {
  const detail = `This method is not supported. ${how}`;
  return { status: 405, code: "METHOD_NOT_ALLOWED", detail, headers: { Allow: allow } };
}

/** A page of another origin that may not do this. */
export function crossSite(what: string, fix = "add its origin to `cors.origins`"): Problem {
  const detail = `A page of another origin may not ${what}: ${fix}.`;
  return { status: 403, code: "CROSS_SITE", detail };
}
