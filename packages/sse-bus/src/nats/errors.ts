import { SseBusError } from "../core/errors.ts";

export function unavailableError(cause: string, error?: unknown): SseBusError {
  return new SseBusError(
    "BACKEND_UNAVAILABLE",
    `${cause} Nothing of it is known to be stored: try again, with the same \`id\` if it was a publish.`,
    error === undefined ? {} : { cause: error },
  );
}

export function closedError(): SseBusError {
  return new SseBusError("BUS_CLOSED", "The NATS backend is not open: a bus opens and closes it.");
}
