import { SseBusError } from "../core/errors.ts";

/** The server has refused a statement, and its connection goes on: all but FATAL and PANIC. */
export function isStatementError(error: unknown): boolean {
  return (error as { severity?: unknown })?.severity === "ERROR";
}

/** A statement was refused for what it was given, not for how the server is: others may pass. */
export function isEntryError(error: unknown): boolean {
  // Transaction state and rollback, resources, locks, the operator, the system: all would meet it.
  return isStatementError(error) && !/^(25|40|53|55|57|58)/.test(codeOf(error));
}

/** What it waited for was locked for too long. */
export function isLockTimeout(error: unknown): boolean {
  return codeOf(error) === "55P03";
}

/** Tables or functions are not there: never migrated, dropped, or another database by now. */
export function isSchemaMissing(error: unknown): boolean {
  // undefined_table, undefined_function, invalid_schema_name; no_data_found is a missing state row.
  return ["42P01", "42883", "3F000", "P0002"].includes(codeOf(error));
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

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | undefined)?.code);
}
