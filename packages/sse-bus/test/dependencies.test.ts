import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const src = fileURLToPath(new URL("../src", import.meta.url));

/** What each folder may import: folders of ours, and packages. The arrows point inward. */
const ALLOWED: Record<string, readonly string[]> = {
  core: [],
  http: ["core", "prom-client", "rate-limiter-flexible", "rate-limiter-flexible/"],
  node: ["core", "http", "node:"],
  next: ["core", "http", "node", "next/", "node:"],
  hub: ["backend-shared", "core", "http", "node", "backends", "jwt", "node:", "prom-client"],
  client: ["core"],
  react: ["core", "client", "react"],
  "backend-shared": ["core"],
  redis: ["backend-shared", "core", "node:"],
  nats: ["backend-shared", "core", "node:", "@nats-io/nats-core", "@nats-io/transport-node"],
  postgres: ["backend-shared", "core", "node:"],
  backends: ["core", "redis", "nats", "postgres", "pg", "@nats-io/transport-node"],
  testing: ["core", "http", "client"],
  jwt: ["core", "http", "jose"],
  otel: ["core", "@opentelemetry/api"],
};

test("every folder imports only what lies further in, and packages that are its business", async () => {
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

test("every folder of the package has its rule", async () => {
  const folders = (await readdir(src, { withFileTypes: true })).filter((one) => one.isDirectory());
  expect(folders.map(({ name }) => name).toSorted()).toEqual(Object.keys(ALLOWED).toSorted());
});

interface Import {
  readonly file: string;
  readonly specifier: string;
}

/** The imports of everything that is published; types cost nothing at run time, but point too. */
async function imports(): Promise<Import[]> {
  const files = await readdir(src, { recursive: true });
  const sources = files.filter((file) => /\.tsx?$/.test(file) && !/\.test\.tsx?$/.test(file));
  const all: Import[] = [];
  for (const name of sources) {
    const file = join(src, name);
    const code = (await readFile(file, "utf8")).replaceAll(/^\s*(\*|\/\/).*$/gm, "");
    const pattern =
      /(?:^(?:import|export)[^;]*?from\s+|^import\s+|\bimport\((?:\/\*.*?\*\/ )?)"([^"]+)"/gm;
    for (const [, specifier = ""] of code.matchAll(pattern)) all.push({ file, specifier });
  }
  return all;
}
