import { accessSync, constants, readdirSync } from "node:fs";
import { delimiter, dirname, isAbsolute, join } from "node:path";

import { installPrograms, installsHere } from "./install-programs.ts";
import { pathVariable, type Program, type ProgramName, programs } from "./programs.ts";

/**
 * Finds a program: `<NAME>_PATH` in the environment, then PATH and the usual folders, then Debian's
 * package, installed when this process may.
 *
 * @throws Error that says exactly what to run. A test that needs the program fails with it; it is
 *   never skipped.
 */
export async function findProgram(name: ProgramName): Promise<string> {
  const found = locateProgram(name);
  if (found !== undefined) return found;
  const reason = await installPrograms([name]).then(
    () => undefined,
    (error: unknown) => error,
  );
  const installed = locateProgram(name);
  if (installed !== undefined) return installed;
  throw new Error(`${name} is not on this machine. ${remedy(name)}`, { cause: reason });
}

/** The program's path if it is on the machine; installs nothing. */
export function locateProgram(name: ProgramName): string | undefined {
  const given = process.env[pathVariable(name)];
  if (given !== undefined && given !== "") {
    if (isExecutable(given)) return given;
    throw new Error(`${pathVariable(name)} names ${given}, which is not an executable file`);
  }
  const program: Program = programs[name];
  return locate(program.commands, program.folders);
}

/** The path of a command that tests can do without; it is looked for where programs are. */
export function locateOptional(command: string): string | undefined {
  return locate([command]);
}

function locate(commands: readonly string[], more: readonly string[] = []): string | undefined {
  const folders = [
    ...(process.env["PATH"] ?? "").split(delimiter),
    // Debian keeps servers here; a plain user's PATH does not include it.
    "/usr/local/sbin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/bin",
    "/opt/homebrew/bin",
    ...more.flatMap(newest),
  ];
  for (const command of commands) {
    const candidates = isAbsolute(command)
      ? [command]
      : folders.map((folder) => join(folder, command));
    const found = candidates.find(isExecutable);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** One sentence: the command that installs the program. */
export function remedy(name: ProgramName): string {
  const { apt, otherwise, urlVariable }: Program = programs[name];
  const install = `Run \`apt-get install -y ${apt.join(" ")}\` as root (elsewhere \`${otherwise}\`)`;
  const server = urlVariable === undefined ? "" : `, or a server's URL in ${urlVariable}`;
  const may = installsHere() ? "" : " The tests install it themselves only as root on Debian.";
  return `${install}, or put its path in ${pathVariable(name)}${server}.${may}`;
}

function newest(pattern: string): string[] {
  if (!pattern.includes("*")) return [pattern];
  const [parent, below = ""] = pattern.split("*");
  try {
    return readdirSync(dirname(`${parent}x`))
      .toSorted((a, b) => Number(b) - Number(a))
      .map((version) => `${parent}${version}${below}`);
  } catch {
    // The package that creates the folder is not installed.
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
