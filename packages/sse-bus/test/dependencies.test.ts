import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const src = fileURLToPath(new URL("../src", import.meta.url));

/** What each folder may import: other folders, and packages. The dependencies point inward. */
const ALLOWED: Record<string, readonly string[]> = {
  core: [],
  http: ["core", "prom-client", "rate-limiter-flexible", "rate-limiter-flexible/"],
  inspector: ["core", "http", "client"],
  node: ["core", "http", "inspector", "node:"],
  web: ["core", "http", "inspector"],
  next: ["core", "http", "inspector", "node", "next/", "node:"],
  hub: [
    "backend-shared",
    "core",
    "http",
    "inspector",
    "node",
    "backends",
    "jwt",
    "init",
    "node:",
    "prom-client",
  ],
  // The build bundles the packages: see scripts/build-init.mjs.
  init: [
    "core",
    "node:",
    "@babel/",
    "@clack/prompts",
    "diff",
    "get-tsconfig",
    "package-manager-detector",
  ],
  client: ["core"],
  live: ["core"],
  tasks: ["core", "live"],
  react: ["core", "client", "tasks", "react"],
  "backend-shared": ["core"],
  redis: ["backend-shared", "core", "node:"],
  nats: ["backend-shared", "core", "node:", "@nats-io/nats-core", "@nats-io/transport-node"],
  postgres: ["backend-shared", "core", "node:"],
  backends: ["core", "redis", "nats", "postgres", "pg", "@nats-io/transport-node"],
  streams: ["core"],
  ai: ["core", "http", "next", "streams"],
  testing: ["core", "http", "client"],
  jwt: ["core", "http", "jose"],
  otel: ["core", "@opentelemetry/api"],
};

test("every folder imports only inner folders and its own packages", async () => {
  const violations: string[] = [];
  for (const { file, specifier } of await imports()) {
    const folder = relative(src, file).split(sep)[0] as string;
    if (folder === "index.ts") continue;
    const target = specifier.startsWith(".")
      ? (relative(src, join(dirname(file), specifier)).split(sep)[0] as string)
      : specifier;
    const allowed = ALLOWED[folder];
    const isAllowed =
      target === folder ||
      allowed?.some((name) => target === name || (name.match(/[:/]$/) && target.startsWith(name)));
    if (!isAllowed) violations.push(`${relative(src, file)} imports ${specifier}`);
  }
  expect(violations).toEqual([]);
});

test("every folder of the package has a rule", async () => {
  const folders = (await readdir(src, { withFileTypes: true })).filter((one) => one.isDirectory());
  expect(folders.map(({ name }) => name).toSorted()).toEqual(Object.keys(ALLOWED).toSorted());
});

test("what a page loads has nothing of the server", async () => {
  const all = await imports();
  const loaded = new Set(
    ["client/index.ts", "react/index.ts", "inspector/page/main.ts"].map((file) => join(src, file)),
  );
  // A set visits what is added to it, too.
  for (const file of loaded) {
    for (const { specifier } of all.filter((one) => one.file === file && !one.isType)) {
      if (specifier.startsWith(".")) loaded.add(join(dirname(file), specifier));
    }
  }
  expect(loaded).toContain(join(src, "tasks/task-state.ts"));
  const server = ["core/bus.ts", "core/engine.ts", "core/bus-internals.ts", "tasks/task-runner.ts"];
  expect(server.filter((file) => loaded.has(join(src, file)))).toEqual([]);
});

interface Import {
  readonly file: string;
  readonly specifier: string;
  readonly isType: boolean;
}

/** The imports of everything published, including types. */
async function imports(): Promise<Import[]> {
  const files = await readdir(src, { recursive: true });
  const sources = files.filter((file) => /\.tsx?$/.test(file) && !/\.test\.tsx?$/.test(file));
  const all: Import[] = [];
  for (const name of sources) {
    const file = join(src, name);
    const code = (await readFile(file, "utf8")).replaceAll(/^\s*(\*|\/\/).*$/gm, "");
    const pattern =
      /(?:^(?:import|export)[^;]*?from\s+|^import\s+|\bimport\((?:\/\*.*?\*\/ )?)"([^"]+)"/gm;
    for (const [statement, specifier = ""] of code.matchAll(pattern)) {
      all.push({ file, specifier, isType: /^(?:import|export) type /.test(statement) });
    }
  }
  return all;
}
