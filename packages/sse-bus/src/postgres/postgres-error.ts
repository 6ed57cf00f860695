import { SseBusError } from "../core/errors.ts";

/** The server has refused a statement, and its connection goes on: all but FATAL and PANIC. */
export function isStatementError(error: unknown): boolean {
  return (error as { severity?: unknown })?.severity === "ERROR";
}

/** Tables or functions are not there: never migrated, dropped, or another database by now. */
export function isSchemaMissing(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code;
  // undefined_table, undefined_function, invalid_schema_name; no_data_found is a missing state row.
  return ["42P01", "42883", "3F000", "P0002"].includes(code as string);
}

/** What the bus gets for whatever went wrong. */
export function toBackendError(error: unknown, what: string): SseBusError {
  if (error instanceof SseBusError) return error;
  const { message } = error as Error;
  const isLost = !isStatementError(error);
  const hint = isLost
    ? "Is the server up and reachable? Whether a publish under way was stored is not known: try again with the same `id`."
    : "See `cause` for what the server says.";
  return new SseBusError(
    "BACKEND_UNAVAILABLE",
    `Postgres could not ${what}: ${message || String(error)}. ${hint}`,
    { cause: error },
  );
}

export function closedError(): SseBusError {
  return new SseBusError("BUS_CLOSED", "The Postgres backend is closed, or was never opened.");
}
