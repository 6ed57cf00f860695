// Run as a separate process by reaper.ts. Reads one command per line; when its input ends, because
// the process that wrote to it has ended in any way, it ends what is still on its list.
// Plain JavaScript because Node 20 does not run TypeScript.
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";

const groups = new Set();
const folders = new Set();
const graceMs = 1_500;

// The reaper has its own session, so a terminal's Ctrl-C does not reach it; a signal sent to
// it by hand must not stop it either.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});

for await (const line of createInterface({ input: process.stdin })) {
  const space = line.indexOf(" ");
  const order = line.slice(0, space);
  const what = line.slice(space + 1);
  if (order === "group") groups.add(Number(what));
  if (order === "ended") groups.delete(Number(what));
  if (order === "folder") folders.add(what);
  if (order === "removed") folders.delete(what);
}

for (const group of groups) signalGroup(group, "SIGTERM");
const deadline = performance.now() + graceMs;
while (performance.now() < deadline && [...groups].some((group) => signalGroup(group, 0))) {
  await new Promise((resolve) => setTimeout(resolve, 25));
}
for (const group of groups) signalGroup(group, "SIGKILL");
for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });

function signalGroup(group, signal) {
  try {
    process.kill(-group, signal);
    return true;
  } catch {
    // ESRCH: the whole group has already ended.
    return false;
  }
}
