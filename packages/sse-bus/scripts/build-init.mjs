// Completes the build of `sse-bus init`: the files that it writes, and the packages that it uses.
import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { readMinimalExample } from "./minimal-example.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const out = join(root, "dist/init");
const BUNDLES = ["vendor", "vendor-prompts"];

await writeFile(join(out, "templates.json"), `${JSON.stringify(await readMinimalExample())}\n`);

// What tsc wrote for them names packages that users do not have.
for (const name of BUNDLES) {
  for (const extension of ["d.ts", "d.ts.map", "js.map"]) {
    await rm(join(out, `${name}.${extension}`), { force: true });
  }
}

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: BUNDLES.map((name) => `src/init/${name}.ts`),
  outdir: out,
  allowOverwrite: true,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20.9",
  minify: true,
  legalComments: "none",
  metafile: true,
});

const licenses = [];
for (const folder of packageFolders(Object.keys(metafile.inputs))) {
  const { name, version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const file = (await readdir(folder)).find((one) => /^licen[cs]e/i.test(one));
  if (file === undefined) throw new Error(`${name} has no license file`);
  const text = await readFile(join(folder, file), "utf8");
  licenses.push(`${name} ${version}\n\n${text.trim()}\n`);
}
await writeFile(
  join(out, "vendor-licenses.txt"),
  `The files vendor*.js contain these packages.\n\n${licenses.join(`\n${"-".repeat(80)}\n\n`)}`,
);

/** The folders in node_modules that these files are in. */
function packageFolders(files) {
  const folders = new Set();
  for (const file of files) {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(join(root, dirname(file), "/"));
    if (match) folders.add(match[1]);
  }
  return [...folders].toSorted((a, b) => a.localeCompare(b));
}
