import { cp, mkdir, mkdtemp, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

// The built package in an app with one client and a package manager that does not hoist.

const root = fileURLToPath(new URL("..", import.meta.url));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sse-bus-optional-"));
  await cp(join(root, "dist"), join(folder, "node_modules/sse-bus/dist"), { recursive: true });
  await cp(join(root, "package.json"), join(folder, "node_modules/sse-bus/package.json"));
});

afterAll(async () => rm(folder, { recursive: true, force: true }));

async function load<Module>(file: string): Promise<Module> {
  const path = join(folder, "node_modules/sse-bus/dist", file);
  return (await import(/* @vite-ignore */ pathToFileURL(path).href)) as Module;
}

test("an app without any client can configure a backend, and opening it fails with what to install", async () => {
  const { backendFromUrl } =
    await load<typeof import("../src/backends/index.ts")>("backends/index.js");
  const host = { history: () => ({}), maxHistoryBytes: 1, onError() {}, onStatus() {} };
  for (const [url, client] of [
    ["redis://127.0.0.1:1", "redis"],
    ["nats://127.0.0.1:1", "@nats-io/transport-node"],
    ["postgres://127.0.0.1:1", "pg"],
  ] as const) {
    await expect(backendFromUrl(url).open(host as never)).rejects.toMatchObject({
      code: "BACKEND_UNAVAILABLE",
      message: expect.stringContaining(`\`${client}\``),
    });
  }
  await load("nats/index.js");
});

test("for NATS, `@nats-io/transport-node` is enough", async () => {
  const { loadHeaders } =
    await load<typeof import("../src/nats/load-headers.ts")>("nats/load-headers.js");
  await expect(loadHeaders()).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
  const name = "node_modules/@nats-io/transport-node";
  await mkdir(join(folder, "node_modules/@nats-io"));
  await symlink(await realpath(join(root, name)), join(folder, name));
  const headers = (await loadHeaders())();
  headers.set("Nats-Msg-Id", "1");
  expect(headers.get("Nats-Msg-Id")).toBe("1");
});
