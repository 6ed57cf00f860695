import { parseArgs } from "node:util";
import { type Flag, FLAGS, type FlagName, variableOf } from "./flag-table.ts";

/** The values of flags and environment variables. */
export interface Settings {
  text(name: FlagName): string | undefined;
  number(name: FlagName): number | undefined;
  isOn(name: FlagName): boolean;
  list(name: FlagName): readonly string[];
}

/** The hub cannot run with this command line. The message says what to write instead, without secrets. */
export class UsageError extends Error {
  constructor(message: string) {
    super(withoutSecrets(message));
  }
}

/** Removes PEM text, and the credentials of URLs: a value may be given to the wrong flag. */
function withoutSecrets(text: string): string {
  return text
    .replaceAll(/-----BEGIN[^]*?(?:-----END[^-]*-----|$)/g, "…")
    .replaceAll(/\/\/[^\s/"]*@/g, "//…@");
}

/** @throws UsageError */
export function readSettings(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Settings {
  const given = parse(args);
  const text = (name: FlagName): string | undefined => {
    const value = given[name] ?? env[variableOf(name)];
    if (value !== undefined && value !== "") return String(value);
    if (name === "backend" && env.SSE_BUS_URL) return env.SSE_BUS_URL;
    return FLAGS[name].default;
  };
  const settings: Settings = {
    text,
    number(name) {
      const value = text(name);
      return value === undefined ? undefined : readNumber(name, value);
    },
    isOn: (name) => given[name] === true || readSwitch(name, env[variableOf(name)] ?? ""),
    list(name) {
      const values = (given[name] as string[] | undefined) ?? [env[variableOf(name)] ?? ""];
      return values
        .flatMap((value) => value.split(","))
        .map((value) => value.trim())
        .filter(Boolean);
    },
  };
  // Read all values now, so that a bad one is reported at start.
  for (const [name, flag] of Object.entries(FLAGS) as [FlagName, Flag][]) {
    // `--jwt-key "$KEY"` with an unset variable must not run without keys.
    if ([given[name]].flat().some((value) => value === "")) {
      throw new UsageError(`--${name} is empty: give it a value, or leave it out.`);
    }
    if (flag.min !== undefined) settings.number(name);
    if (flag.value === undefined) settings.isOn(name);
  }
  return settings;
}

function parse(args: readonly string[]): Partial<Record<string, string | boolean | string[]>> {
  const options = Object.fromEntries(
    Object.entries(FLAGS).map(([name, flag]) => [
      name,
      flag.value === undefined
        ? { type: "boolean" as const }
        : { type: "string" as const, multiple: flag.isRepeatable ?? false },
    ]),
  );
  try {
    return parseArgs({ args: joinValues(args), options, strict: true }).values as never;
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    // The error quotes the argument, which is part of a secret where a value has spaces and no quotes.
    if (code === "ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL") {
      throw new UsageError(
        "An argument is neither a flag nor the value of one: quote values that contain spaces.",
      );
    }
    throw new UsageError(message.replaceAll(/\s+/g, " "));
  }
}

/** Joins flag and value: `parseArgs` refuses a value that begins with a dash, as PEM text and some tokens do. */
function joinValues(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const last = joined.at(-1) ?? "";
    const takesValue = isFlag(last) && FLAGS[last.slice(2) as FlagName].value !== undefined;
    if (takesValue && arg.startsWith("-") && !isFlag(arg.split("=", 1)[0] ?? "")) {
      joined[joined.length - 1] = `${last}=${arg}`;
    } else joined.push(arg);
  }
  return joined;
}

function isFlag(arg: string): boolean {
  return arg.startsWith("--") && Object.hasOwn(FLAGS, arg.slice(2));
}

function readNumber(name: FlagName, value: string): number {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = FLAGS[name];
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= min && number <= max) return number;
  const range = FLAGS[name].max === undefined ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new UsageError(`${nameOf(name)} must be a whole number ${range}, not ${quoted(value)}.`);
}

/** An unknown value is an error: ignoring it could leave something open that was meant to be closed. */
function readSwitch(name: FlagName, value: string): boolean {
  if (value === "1" || value === "true") return true;
  if (value === "" || value === "0" || value === "false") return false;
  throw new UsageError(`${variableOf(name)} must be 1 or 0, not ${quoted(value)}.`);
}

/** A value in an error message. Text that is long or has several lines may be a key. */
export function quoted(value: string): string {
  return value.length > 100 || /[\r\n]|-----BEGIN/.test(value) ? "what was given" : `"${value}"`;
}

/** A flag in an error message, with the variable that it may have come from. */
export function nameOf(name: FlagName): string {
  return `--${name} (${variableOf(name)})`;
}
