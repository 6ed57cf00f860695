import { SseBusError } from "../core/errors.ts";

/** Other code has read the body of the request before the handler could. */
export function alreadyRead(): SseBusError {
  return new SseBusError(
    "BODY_ALREADY_READ",
    "Other code has read the body of this request: put the route before `express.json()` and other parsers of bodies.",
  );
}
