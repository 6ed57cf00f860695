import type { SseBusError } from "../core/errors.ts";

/** Writes one line of JSON for each event, for log collectors. */
export interface Logger {
  info(event: string, fields?: Readonly<Record<string, unknown>>): void;
  error(event: string, error: Error): void;
}

/** Logs to standard error: standard output carries the ready line and nothing else. */
export function createLogger(write: (line: string) => void = toStandardError): Logger {
  const log = (level: string, event: string, fields: object): void =>
    write(JSON.stringify({ time: new Date().toISOString(), level, event, ...fields }));
  return {
    info: (event, fields = {}) => log("info", event, fields),
    error(event, error) {
      const { code, help, message, stack, cause } = error as Error & Partial<SseBusError>;
      log("error", event, {
        code,
        help,
        message,
        ...(cause instanceof Error && { cause: cause.message }),
        stack,
      });
    },
  };
}

function toStandardError(line: string): void {
  process.stderr.write(`${line}\n`);
}
