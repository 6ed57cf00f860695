import { SseBusError } from "../core/errors.ts";

/** The server refused a statement, and the connection still works: any severity but FATAL and PANIC. */
export function isStatementError(error: unknown): boolean {
  return (error as { severity?: unknown })?.severity === "ERROR";
}

/** A statement was refused because of its values, not the server's state: others may succeed. */
export function isEntryError(error: unknown): boolean {
  // Transaction state, rollback, resources, locks, operator, system: these affect all statements.
  return isStatementError(error) && !/^(25|40|53|55|57|58)/.test(codeOf(error));
}

/** A lock was not available in time. */
export function isLockTimeout(error: unknown): boolean {
  return codeOf(error) === "55P03";
}

/** An open transaction has locked the id of a message of a batch. */
export function isLockedId(error: unknown): boolean {
  return isLockTimeout(error) && (error as Error).message.includes("published the same id");
}

/** Tables or functions do not exist: never migrated, dropped, or a different database now. */
export function isSchemaMissing(error: unknown): boolean {
  // undefined_table, undefined_function, invalid_schema_name; no_data_found is a missing state row.
  return ["42P01", "42883", "3F000", "P0002"].includes(codeOf(error));
}

/** The error that the bus gets for a failure. */
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
