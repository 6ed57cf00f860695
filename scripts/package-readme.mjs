// Writes packages/sse-bus/README.md, the page on npm, from README.md. With `--check`, fails if it is out of date.
import { readFileSync, writeFileSync } from "node:fs";

const TARGET = "packages/sse-bus/README.md";
const OUTSIDE = "Try this repository";

const { repository } = JSON.parse(readFileSync("packages/sse-bus/package.json", "utf8"));
const base = repository.url.replace(/^git\+/u, "").replace(/\.git$/u, "");
const page = toPackagePage(readFileSync("README.md", "utf8"));

if (process.argv.includes("--check")) {
  if (readFileSync(TARGET, "utf8") !== page) {
    console.error(`${TARGET} is out of date. Run: node scripts/package-readme.mjs`);
    process.exitCode = 1;
  }
} else {
  writeFileSync(TARGET, page);
}

/** npm has neither the files nor the commands of the repository: links are absolute, and one section is left out. */
function toPackagePage(readme) {
  const sections = readme.split(/^(?=## )/mu).filter((text) => !text.startsWith(`## ${OUTSIDE}\n`));
  return sections
    .join("")
    .replaceAll(/<!-- from \S+ -->\n\n/gu, "")
    .replaceAll(/(?<=\]\()(?!https?:|#)[^)\s]+/gu, (path) => `${base}/blob/main/${path}`)
    .replaceAll(/(?<=src=")(?!https?:)[^"]+/gu, (path) => `${base}/raw/main/${path}`);
}
