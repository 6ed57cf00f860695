import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";

const root = new URL("..", import.meta.url);
const read = async (path: string): Promise<string> => readFile(new URL(path, root), "utf8");
const manifest = JSON.parse(await read("package.json")) as {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
};

/** The declarations of a file and of all files that it imports, by path in the package. */
async function declarations(path: string, all = new Map<string, string>()): Promise<typeof all> {
  if (all.has(path)) return all;
  const text = (await read(path)).replace(/\/\*[^]*?\*\//g, "");
  all.set(path, text);
  for (const name of imports(text).filter((each) => each.startsWith("."))) {
    const { pathname } = new URL(name.replace(/\.[jt]s$/, ".d.ts"), `file:///${path}`);
    await declarations(pathname.slice(1), all);
  }
  return all;
}

const imports = (text: string): string[] =>
  [...text.matchAll(/(?:from |import\()"([^"]+)"/g)].map(([, name]) => name as string);

const subpaths = Object.entries(manifest.exports)
  .map(([subpath, target]) => [subpath, typeof target === "string" ? target : target.default])
  .filter((entry): entry is [string, string] => entry[1]?.endsWith(".js") === true);

/** Subpaths that extend a package, whose types are part of theirs. */
const EXTENDS: Readonly<Record<string, readonly string[]>> = {
  "./react": ["react"],
  "./jwt": ["jose"],
  "./otel": ["@opentelemetry/api"],
};

// With `skipLibCheck: false`, an app has an error for each type that it cannot find.
test.each(subpaths)(
  "the types of %s need no package that may be missing",
  async (subpath, file) => {
    const all = await declarations(file.replace(/^\.\//, "").replace(/\.js$/, ".d.ts"));
    const packages = [...all.values()]
      .flatMap(imports)
      .filter((name) => /^(?!\.|node:)/.test(name));
    expect([...new Set(packages)]).toEqual(EXTENDS[subpath] ?? []);
  },
);

test.each(subpaths)("the types of %s are those of TypeScript 5.5", async (_, file) => {
  const all = await declarations(file.replace(/^\.\//, "").replace(/\.js$/, ".d.ts"));
  const newer = [...all].filter(([, text]) => /\bUint8Array</.test(text)).map(([path]) => path);
  expect(newer, "Uint8Array is generic since TypeScript 5.7").toEqual([]);
});
