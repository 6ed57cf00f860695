import { locateProgram, remedy } from "./find-program.ts";
import { installPrograms, installsHere } from "./install-programs.ts";
import { type Program, type ProgramName, programNames, programs } from "./programs.ts";
import { tempFolder } from "./temp-folder.ts";

/**
 * Once per run, before any integration test: finds or installs what they need and says so in one
 * line per program. What stays missing fails its own tests, with the remedy, and no others.
 */
export default async function setup(): Promise<() => Promise<void>> {
  // Browsers leave profiles behind when they are killed: everything temporary goes into one folder
  // that is removed when the runner ends. The workers inherit it.
  const folder = await tempFolder("sse-bus-test");
  process.env["TMPDIR"] = folder.path;

  const missing = programNames.filter(
    (name) => serverUrl(name) === undefined && !locateProgram(name),
  );
  let reason = "";
  if (missing.length > 0 && installsHere()) {
    console.log(`installing ${missing.join(", ")} …`);
    await installPrograms(missing).catch((error: unknown) => (reason = `\n${String(error)}`));
  }
  for (const name of programNames) console.log(`${name.padEnd(9)}${status(name)}`);
  if (reason !== "") console.log(reason);

  return async () => folder[Symbol.asyncDispose]();
}

function status(name: ProgramName): string {
  return serverUrl(name) ?? locateProgram(name) ?? `MISSING: its tests will fail. ${remedy(name)}`;
}

function serverUrl(name: ProgramName): string | undefined {
  const { urlVariable }: Program = programs[name];
  const url = urlVariable === undefined ? undefined : process.env[urlVariable];
  return url === undefined || url === "" ? undefined : `${url} (${urlVariable})`;
}
