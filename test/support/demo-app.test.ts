import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

import { publish } from "./http-api.ts";
import { startDev, startDemo } from "./demo-app.ts";
import { demoFolder } from "./repository.ts";
import { waitFor } from "./wait-for.ts";

const text = async (url: string): Promise<string> => (await fetch(url)).text();

test("the production app serves, keeps its port over a kill, and takes its environment from the test", async () => {
  await using app = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
  const { id } = await publish(app.url, { data: "open, as the environment says" });
  await app.kill();
  await expect(fetch(app.url)).rejects.toThrow("fetch failed");
  await app.start();
  expect((await publish(app.url, { data: "in a new process" })).id).not.toBe(id);
});

test("development runs in a copy: edits reload, and the production build is as it was", async () => {
  const buildId = await readFile(join(demoFolder, ".next/BUILD_ID"), "utf8");
  let folder: string;
  {
    await using app = await startDev();
    folder = app.folder;
    const url = `${app.url}/api/health`;
    expect(await text(url)).toContain("connections");
    const edited = `export const GET = async () => new Response("edited in " + process.env.NODE_ENV)`;
    await writeFile(join(folder, "app/api/health/route.ts"), edited);
    await waitFor("the edit", async () => (await text(url)) === "edited in development");
  }
  expect(existsSync(folder)).toBe(false);
  expect(await readFile(join(demoFolder, ".next/BUILD_ID"), "utf8")).toBe(buildId);
  expect(existsSync(join(demoFolder, ".next/dev/lock"))).toBe(false);
});
