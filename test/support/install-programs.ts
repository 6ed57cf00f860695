import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { once } from "node:events";

import { cleanEnv } from "./clean-env.ts";
import { type ProgramName, programs } from "./programs.ts";

/** Whether `installPrograms` may install here. `SSE_BUS_TEST_INSTALL=0` forbids it. */
export function installsHere(): boolean {
  if (process.env["SSE_BUS_TEST_INSTALL"] === "0" || !existsSync("/usr/bin/apt-get")) return false;
  // CI machines allow sudo without a password. On a developer's machine, sudo is not used.
  return process.getuid?.() === 0 || (isCi() && existsSync("/usr/bin/sudo"));
}

/**
 * Installs the Debian packages of the named programs. Parallel callers wait for one another.
 *
 * @throws Error with what apt said, or when installing is not allowed here.
 */
export async function installPrograms(names: readonly ProgramName[]): Promise<void> {
  if (!installsHere()) throw new Error("Installing is not possible or not allowed here");
  const packages = names.flatMap((name) => [...programs[name].apt]);
  const shell = ["/bin/sh", "-c", script, "install", ...packages];
  // flock's lock goes with its process: a killed run leaves none behind.
  const command = ["flock", "/tmp/sse-bus-test-install.lock", ...shell];
  if (process.getuid?.() !== 0) command.unshift("sudo", "-n");
  await run(command, 300_000);
}

const isCi = (): boolean => !["", "0", "false", undefined].includes(process.env["CI"]);

// A new machine has no package lists: the first try fails at once and the lists are fetched. Debian
// starts a server that it installs; policy-rc.d forbids that, for the tests start their own.
const script = `
  export DEBIAN_FRONTEND=noninteractive TMPDIR=/tmp
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\\nexit 101\\n' > "$policy" && chmod 755 "$policy"
  fi
  install() { apt-get -o DPkg::Lock::Timeout=240 install -y --no-install-recommends "$@"; }
  install "$@" || { apt-get -o DPkg::Lock::Timeout=240 update && install "$@"; }
`;

async function run(command: readonly string[], timeoutMs: number): Promise<void> {
  const [file = "", ...args] = command;
  const child = spawn(file, args, { env: cleanEnv(), stdio: ["ignore", "pipe", "pipe"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream
      .setEncoding("utf8")
      .on("data", (text: string) => (output = (output + text).slice(-4_000)));
  }
  try {
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0)
      throw new Error(`$ ${command.slice(-8).join(" ")}\n${output}\n(exit code ${code})`);
  } finally {
    clearTimeout(timer);
  }
}
