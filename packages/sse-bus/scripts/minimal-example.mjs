import { readFile } from "node:fs/promises";
import { transform } from "sucrase";

/** The files that `sse-bus init` writes; the others are of every Next.js app. */
const FILES = [
  "lib/sse-bus.ts",
  "app/api/sse/route.ts",
  "app/api/publish/route.ts",
  "app/page.tsx",
  "app/layout.tsx",
  "instrumentation.ts",
];

const folder = new URL("../../../examples/minimal/", import.meta.url);

/** The sources of `examples/minimal` by path without extension, as they are (`ts`) and without types (`js`). */
export async function readMinimalExample() {
  const ts = {};
  const js = {};
  for (const path of FILES) {
    const name = path.replace(/\.tsx?$/, "");
    ts[name] = await readFile(new URL(path, folder), "utf8");
    js[name] = withoutTypes(ts[name]);
  }
  return { ts, js };
}

/** Sucrase removes types and leaves everything else, line breaks and comments too, where it is. */
function withoutTypes(code) {
  const { code: js } = transform(code, {
    transforms: ["typescript", "jsx"],
    jsxRuntime: "preserve",
    disableESTransforms: true,
  });
  return `${js.trim()}\n`;
}
