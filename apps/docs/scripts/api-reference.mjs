// node scripts/api-reference.mjs [FOLDER]: writes the API reference as Markdown, one page per entry point of sse-bus.
// It reads the declarations of the built package: what its users get, with the docstrings of the source.
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readEntryPoints } from "./api/declarations.mjs";
import { renderPage } from "./api/render.mjs";

const docs = fileURLToPath(new URL("..", import.meta.url));
const root = join(docs, "../..");
const sseBus = join(root, "packages/sse-bus");
const out = process.argv[2] ?? join(docs, ".generated/api");

const { exports } = JSON.parse(await readFile(join(sseBus, "package.json"), "utf8"));
const files = Object.entries(exports).flatMap(([subpath, target]) => {
  const file = typeof target === "string" ? target : target.default;
  if (!file.endsWith(".js")) return [];
  const name = subpath === "." ? "sse-bus" : subpath.slice(2);
  return [{ name, file: join(sseBus, file.replace(/\.js$/, ".d.ts")) }];
});
if (!files.every(({ file }) => existsSync(file))) {
  throw new Error("The package is not built. Run `npx -y pnpm --filter sse-bus build` first.");
}

const entryPoints = readEntryPoints(files);
const errorFiles = await readdir(join(root, "docs/errors"));
const errorCodes = new Set(errorFiles.map((file) => file.replace(/\.md$/, "")));

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
for (const entryPoint of entryPoints) {
  const page = renderPage(entryPoint, { entryPoints, errorCodes });
  await writeFile(join(out, `${entryPoint.name}.md`), page);
}

const total = entryPoints.reduce((sum, { items }) => sum + items.length, 0);
console.log(`API reference: ${total} exports of ${entryPoints.length} entry points`);
