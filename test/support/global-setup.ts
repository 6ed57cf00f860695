import { locateProgram, remedy } from "./find-program.ts";
import { installPrograms, installsHere } from "./install-programs.ts";
import { installRuntimes } from "./install-runtimes.ts";
import { type ProgramName, programNames } from "./programs.ts";
import { copyFolder } from "./demo-copy.ts";
import { givenUrl } from "./server-url.ts";
import { tempFolder } from "./temp-folder.ts";
import { TEST_APP_FOLDER } from "./test-app.ts";

/**
 * Once per run, before any integration test: finds or installs what they need and says so in one
 * line per program. A missing program fails only its own tests, with the fix.
 */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  // Each project of the runner that lists this file runs it.
  if (process.env[TEST_APP_FOLDER] !== undefined) return undefined;
  // Killed browsers leave profiles behind: everything temporary is in one folder
  // that is removed when the runner ends. The workers inherit it.
  const folder = await tempFolder("sse-bus-test");
  process.env["TMPDIR"] = folder.path;
  const testApp = await copyFolder("testApp");
  process.env[TEST_APP_FOLDER] = testApp.path;

  await installRuntimes();
  const missing = programNames.filter(
    (name) => givenUrl(name) === undefined && !locateProgram(name),
  );
  let reason = "";
  if (missing.length > 0 && installsHere()) {
    console.log(`installing ${missing.join(", ")} …`);
    await installPrograms(missing).catch((error: unknown) => (reason = `\n${String(error)}`));
  }
  for (const name of programNames) console.log(`${name.padEnd(9)}${status(name)}`);
  if (reason !== "") console.log(reason);

  return async () => {
    await testApp[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  };
}

function status(name: ProgramName): string {
  const url = givenUrl(name);
  if (url !== undefined) return `${url} (from the environment)`;
  return locateProgram(name) ?? `MISSING: its tests will fail. ${remedy(name)}`;
}
