import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

import { cleanEnv } from "./clean-env.ts";
import { accepts, freePort } from "./ports.ts";
import { runProcess, startProcess } from "./processes.ts";
import { vitestCommand } from "./repository.ts";
import { tempFolder } from "./temp-folder.ts";
import { waitFor } from "./wait-for.ts";

const node = process.execPath;
const idle = "setInterval(() => {}, 1000)";
const listen = (port: number): string =>
  `require("node:net").createServer().listen(${port}, "127.0.0.1")`;

test("a program is ready when its output says so, and ends on dispose", async () => {
  let pid: number;
  {
    await using running = await startProcess(node, ["-e", `console.log("I am up"); ${idle}`], {
      ready: /I am up/,
    });
    pid = running.pid;
    expect(alive(pid)).toBe(true);
  }
  expect(alive(pid)).toBe(false);
});

test("a program is ready when its port accepts", async () => {
  const port = await freePort();
  const script = `setTimeout(() => { ${listen(port)} }, 150)`;
  await using running = await startProcess(node, ["-e", script], { ready: port });
  expect(await accepts(port)).toBe(true);
  await running.stop();
  expect(await accepts(port)).toBe(false);
});

test("a program that exits before it is ready is reported with its code and its output", async () => {
  const starting = startProcess(node, ["-e", `console.error("no config"); process.exit(3)`], {
    ready: /never/,
  });
  await expect(starting).rejects.toThrow(/code 3[^]*no config/);
});

test("a program that never gets ready is killed and reported", async () => {
  const script = `console.log("pid", process.pid); ${idle}`;
  const starting = startProcess(node, ["-e", script], { ready: /never/, readyTimeoutMs: 300 });
  const error = await starting.catch((caught: unknown) => caught);
  expect(String(error)).toContain("Waited 300 ms");
  expect(alive(Number(/pid (\d+)/.exec(String(error))?.[1]))).toBe(false);
});

test("the error for a missing program names it", async () => {
  await expect(startProcess("/nowhere/server", [], { ready: /x/ })).rejects.toThrow(
    "/nowhere/server",
  );
});

test("a program that ignores SIGTERM is killed with its children, and stop may be called twice", async () => {
  const script = `
    const child = require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(idle)}]);
    process.on("SIGTERM", () => {});
    console.log("child", child.pid, "up");
    ${idle};
  `;
  await using running = await startProcess(node, ["-e", script], {
    ready: /up/,
    stopTimeoutMs: 200,
  });
  const child = Number(/child (\d+)/.exec(running.output())?.[1]);
  expect(await running.stop()).toEqual({ code: null, signal: "SIGKILL" });
  expect(await running.stop()).toEqual({ code: null, signal: "SIGKILL" });
  await gone(child);
});

test("the children of a program that exits by itself are killed", async () => {
  const script = `
    const child = require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(idle)}]);
    console.log("child", child.pid, "up");
    setTimeout(() => process.exit(0), 100);
  `;
  await using running = await startProcess(node, ["-e", script], { ready: /up/ });
  expect(await running.exited).toEqual({ code: 0, signal: null });
  await gone(Number(/child (\d+)/.exec(running.output())?.[1]));
});

test("a program does not get the test runner's environment variables", async () => {
  const script = `console.log(JSON.stringify(process.env), "end"); ${idle}`;
  await using running = await startProcess(node, ["-e", script], { ready: /end/, env: { A: "b" } });
  const env = JSON.parse(running.output().split(" end")[0] ?? "") as Record<string, string>;
  expect(env).toMatchObject({ A: "b", PATH: process.env["PATH"] });
  expect(env).not.toHaveProperty("NODE_ENV");
  expect(Object.keys(env).filter((name) => name.startsWith("VITEST"))).toEqual([]);
});

test("a program run to its end returns its output, and rejects with a bad code or after the timeout", async () => {
  expect(await runProcess(node, ["-e", `console.log("made")`])).toBe("made\n");
  await expect(runProcess(node, ["-e", `console.log("why"); process.exit(4)`])).rejects.toThrow(
    /why[^]*code 4/,
  );
  await expect(runProcess(node, ["-e", idle], { timeoutMs: 200 })).rejects.toThrow("SIGKILL");
});

const endings = [
  { how: "the runner is killed with SIGKILL", signal: "SIGKILL" },
  { how: "the runner is ended with SIGTERM", signal: "SIGTERM" },
  { how: "the runner is interrupted with SIGINT", signal: "SIGINT" },
  { how: "the test fails without disposing", end: "throw" },
  { how: "the test's process crashes", end: "crash" },
] as const;

test.each(endings)("no process and no folder is left when $how", async (ending) => {
  await using folder = await tempFolder("endings");
  const report = join(folder.path, "report.json");
  const args = ["run", "--config", "test/support/fixtures/vitest.config.ts", "leaves"];
  const env = {
    ...cleanEnv(),
    FIXTURE_REPORT: report,
    FIXTURE_END: "end" in ending ? ending.end : "",
  };
  // Not by startProcess, which would itself remove what the runner leaves behind.
  const runner = spawn(node, [vitestCommand(), ...args], { env, stdio: "ignore" });
  const exited = once(runner, "exit");
  const written = async (): Promise<string> => readFile(report, "utf8").catch(() => "");
  await waitFor("the fixture to run", async () => (await written()).endsWith("}"), {
    timeoutMs: 20_000,
  });
  const held = JSON.parse(await written()) as { pids: number[]; folder: string };

  if ("signal" in ending) runner.kill(ending.signal);
  await exited;

  for (const pid of held.pids) await gone(pid);
  await waitFor("the folder to be removed", () => !existsSync(held.folder));
});

async function gone(pid: number): Promise<void> {
  expect(pid).toBeGreaterThan(1);
  await waitFor(`process ${pid} to end`, () => !alive(pid));
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  // A zombie has ended; only its new parent has not yet read its exit code.
  return !(existsSync(stat) && /\) Z /.test(readFileSync(stat, "utf8")));
}
