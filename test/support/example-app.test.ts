import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

import { startDev, startExample } from "./example-app.ts";
import { buildVariant } from "./example-variant.ts";
import { exampleFolder } from "./repository.ts";
import { waitFor } from "./wait-for.ts";

const text = async (url: string): Promise<string> => (await fetch(url)).text();
const mode = `export const GET = async () => new Response(String(process.env.NODE_ENV))`;

test("the production app serves, keeps its port over a kill, and takes its environment from the test", async () => {
  await using app = await startExample({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
  expect((await fetch(app.url)).status).toBe(200);
  await app.kill();
  await expect(fetch(app.url)).rejects.toThrow("fetch failed");
  await app.start();
  expect((await fetch(app.url)).status).toBe(200);
});

test("development runs in a copy: edits reload, and the production build is as it was", async () => {
  const buildId = await readFile(join(exampleFolder, ".next/BUILD_ID"), "utf8");
  let folder: string;
  {
    await using app = await startDev();
    folder = app.folder;
    expect((await fetch(app.url)).status).toBe(200);
    await writeFile(join(folder, "app/icon.svg"), `<svg xmlns="http://www.w3.org/2000/svg"/>`);
    await waitFor("the edit to be served", async () => {
      return !(await text(`${app.url}/icon.svg`)).includes("path");
    });
  }
  expect(existsSync(folder)).toBe(false);
  expect(await readFile(join(exampleFolder, ".next/BUILD_ID"), "utf8")).toBe(buildId);
  expect(existsSync(join(exampleFolder, ".next/dev/lock"))).toBe(false);
});

test("a variant is built with its configuration, rewrites and files, and started as what it is", async () => {
  await using variant = await buildVariant({
    config: { output: "standalone" },
    files: { "app/api/mode/route.ts": `${mode}; export const dynamic = "force-dynamic"` },
    rewrites: [{ source: "/rewritten", destination: "/api/mode" }],
  });
  await using app = await variant.start();
  expect(app.process.output()).toContain("Ready");
  expect(await text(`${app.url}/rewritten`)).toBe("production");
  const page = await text(app.url);
  const style = /href="([^"]+\.css[^"]*)"/.exec(page)?.[1] ?? "no style sheet";
  expect((await fetch(new URL(style, app.url))).status).toBe(200);
}, 120_000);
