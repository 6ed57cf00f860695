import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { InitError } from "./init-error.ts";

/** The command line of `sse-bus init`. */
export interface InitOptions {
  /** The folder of the app, absolute. */
  readonly cwd: string;
  readonly isDryRun: boolean;
  /** Apply without questions. */
  readonly yes: boolean;
  /** Replace files that are there and differ. */
  readonly overwrite: boolean;
  /** Add the page that shows the messages. */
  readonly page: boolean;
  /** Add the package when it is missing. */
  readonly install: boolean;
}

/** @throws InitError */
export function readInitOptions(args: readonly string[], cwd: string): InitOptions {
  const values = parse(args);
  if (values.cwd === "") throw new InitError("--cwd is empty: give it a folder.", 2);
  return {
    cwd: resolve(cwd, values.cwd ?? "."),
    isDryRun: values["dry-run"] ?? false,
    yes: values.yes ?? false,
    overwrite: values.overwrite ?? false,
    page: !values["no-page"],
    install: !values["no-install"],
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        cwd: { type: "string" },
        "dry-run": { type: "boolean" },
        yes: { type: "boolean", short: "y" },
        overwrite: { type: "boolean" },
        "no-page": { type: "boolean" },
        "no-install": { type: "boolean" },
      },
    }).values;
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    const problem =
      code === "ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL"
        ? "init takes no arguments. For another folder, use --cwd FOLDER."
        : message.replaceAll(/\s+/g, " ");
    throw new InitError(`${problem.replace(/\.?$/, ".")} See sse-bus init --help.`, 2);
  }
}
