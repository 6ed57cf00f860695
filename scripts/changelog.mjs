// Keeps CHANGELOG.md and the version together, in the current folder.
//
//   node scripts/changelog.mjs version      after `changeset version`: "Unreleased" becomes the new version
//   node scripts/changelog.mjs notes        prints what CHANGELOG.md says about the current version
import { readFileSync, writeFileSync } from "node:fs";

const MANIFEST = "packages/sse-bus/package.json";
const VERSION_FILE = "packages/sse-bus/src/core/version.ts";
const CHANGELOG = "CHANGELOG.md";
const UNRELEASED = "## Unreleased\n";

const { version } = JSON.parse(readFileSync(MANIFEST, "utf8"));
const changelog = readFileSync(CHANGELOG, "utf8");
const [command] = process.argv.slice(2);

if (command === "version") setVersion();
else if (command === "notes") process.stdout.write(notes());
else fail(`Usage: node scripts/changelog.mjs version | notes; got ${command}`);

function setVersion() {
  if (changelog.includes(`## ${version}\n`)) fail(`${CHANGELOG} has a section ${version} already.`);
  if (!changelog.includes(UNRELEASED)) fail(`${CHANGELOG} has no section "Unreleased".`);
  const code = readFileSync(VERSION_FILE, "utf8");
  const changed = code.replace(/(VERSION = ")[^"]*(")/, `$1${version}$2`);
  if (!changed.includes(`"${version}"`)) fail(`${VERSION_FILE} declares no VERSION.`);
  writeFileSync(VERSION_FILE, changed);
  writeFileSync(CHANGELOG, changelog.replace(UNRELEASED, `${UNRELEASED}\n## ${version}\n`));
}

function notes() {
  const [, text] = changelog.split(`\n## ${version}\n`);
  if (text === undefined) fail(`${CHANGELOG} has no section ${version}.`);
  return `${text.split("\n## ")[0].trim()}\n`;
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
