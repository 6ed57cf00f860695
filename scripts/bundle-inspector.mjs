// Bundles the inspector's page into one string, packages/sse-bus/src/inspector/page/bundle.ts: after an install and before
// `next dev` of the demo, because those run the sources of the package, and before each build of it.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const folder = new URL("../packages/sse-bus/src/inspector/page/", import.meta.url);
const target = new URL("bundle.ts", folder);

// As in client bundles of Next.js: errors carry no addresses.
const define = { "process.env.NEXT_RUNTIME": '""' };
const common = {
  bundle: true,
  minify: true,
  write: false,
  legalComments: "none",
  charset: "utf8",
  define,
};
const [script, style] = await Promise.all([
  bundle({ entryPoints: [fileURLToPath(new URL("main.ts", folder))], format: "esm" }),
  bundle({ entryPoints: [fileURLToPath(new URL("style.css", folder))] }),
]);
const template = readFileSync(new URL("index.html", folder), "utf8");
const html = template
  .replaceAll(/\n\s*/g, "\n")
  .replace("<style></style>", () => `<style>${style}</style>`)
  .replace('<script type="module"></script>', () => `<script type="module">${script}</script>`);

const text = `// Made by scripts/bundle-inspector.mjs.
export const scriptHash = ${JSON.stringify(hashOf(script))};
export const styleHash = ${JSON.stringify(hashOf(style))};
export const html: string = ${JSON.stringify(html)};
`;
writeFileSync(target, text);

async function bundle(options) {
  // What the package supports: browsers of 2024, for `light-dark()`.
  const browsers = ["chrome123", "firefox120", "safari17.5"];
  const { outputFiles } = await build({ ...common, target: browsers, ...options });
  return outputFiles[0].text.trim();
}

function hashOf(content) {
  return `sha256-${createHash("sha256").update(content).digest("base64")}`;
}
