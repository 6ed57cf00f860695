// Fails if the repository's prose uses a form of prose-forms.mjs: documentation, comments, error
// messages, help texts, texts of pages, and test names.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { extname } from "node:path";
import { EXCEPTIONS, FORMS, SKIPPED } from "./prose-forms.mjs";

const CODE = new Set([".ts", ".tsx", ".mts", ".js", ".jsx", ".mjs", ".css", ".c"]);
const HASH_COMMENTS = new Set([".yaml", ".yml", ".sh", ".conf", ".cfg"]);

/** What may be between two words: spaces, and a line break with the start of a comment's line. */
const BETWEEN = String.raw`(?:\s|(?<=\n\s*)(?:\*|\/\/|#|--)(?=\s))+`;
const forms = FORMS.map(({ pattern, write }) => ({
  write,
  regex: new RegExp(String.raw`\b(?:${pattern.replaceAll(" ", BETWEEN)})\b`, "giu"),
}));
const unused = new Set(EXCEPTIONS);
const findings = [];

for (const file of listFiles()) {
  const text = readFileSync(file, "utf8");
  for (const range of proseOf(file, text)) findForms(file, text, range);
}
for (const { file, text } of unused) findings.push(`${file}: no use of the exception “${text}”`);

if (findings.length > 0) {
  console.error(findings.join("\n"));
  console.error(`\n${findings.length} found. Forms and exceptions: scripts/prose-forms.mjs`);
  process.exitCode = 1;
}

function listFiles() {
  const list = (...args) => {
    const output = execFileSync("git", ["ls-files", "-z", ...args], { maxBuffer: 2 ** 26 });
    return output.toString().split("\0").filter(Boolean);
  };
  const deleted = new Set(list("--deleted"));
  const isChecked = (file) => !deleted.has(file) && !SKIPPED.some((path) => file.startsWith(path));
  return list("--cached", "--others", "--exclude-standard").filter(isChecked);
}

function findForms(file, text, [start, end]) {
  const prose = text.slice(start, end);
  for (const { regex, write } of forms) {
    for (const { 0: found, index } of prose.matchAll(regex)) {
      const at = start + index;
      const around = text.slice(Math.max(0, at - 80), at + found.length + 80);
      const exception = EXCEPTIONS.find((each) => each.file === file && around.includes(each.text));
      if (exception) {
        unused.delete(exception);
        continue;
      }
      const line = text.slice(0, at).split("\n").length;
      const words = found
        .trim()
        .split(/\s+(?:(?:\*|\/\/|#|--)\s+)?/u)
        .join(" ");
      findings.push(`${file}:${line}: “${words}”: write ${write}`);
    }
  }
}

/** The ranges of a file that people read. */
function proseOf(file, text) {
  const kind = extname(file);
  if (kind === ".md") return [[0, text.length]];
  if (CODE.has(kind))
    return [...joinComments(text, commentsAndStrings(text)), ...tagTexts(kind, text)];
  if (kind === ".sql") return rangesOf(text, /--.*(?:\n\s*--.*)*/gu);
  if (HASH_COMMENTS.has(kind)) return rangesOf(text, /(?<=^\s*)#.*(?:\n\s*#.*)*/gmu);
  return [];
}

function rangesOf(text, regex) {
  return Array.from(text.matchAll(regex), ({ 0: found, index }) => [index, index + found.length]);
}

/** Comments, and strings of several words: a single word is data, a name or a key. */
function commentsAndStrings(text) {
  // A slash starts a regular expression after an operator. Elsewhere it divides, or ends a tag.
  const tokens = [
    String.raw`\/\/.*`,
    String.raw`\/\*[^]*?\*\/`,
    String.raw`"(?:\\.|[^"\\\n])*"`,
    String.raw`'(?:\\.|[^'\\\n])*'`,
    "`(?:\\\\[^]|[^`\\\\])*`",
    String.raw`(?<=[(,=:[!&|?;]\s*)\/(?![\/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^\/\\\n[])+\/`,
  ];
  const ranges = rangesOf(text, new RegExp(tokens.join("|"), "gu"));
  return ranges.filter(([start, end]) => {
    const token = text.slice(start, end);
    return /^\/[/*]/u.test(token) || /^["'`][^]*\S\s+\S/u.test(token);
  });
}

/** Joins line comments that follow one another, because a form may span them. */
function joinComments(text, ranges) {
  const joined = [];
  for (const [start, end] of ranges) {
    const last = joined.at(-1);
    const isNext = last !== undefined && /^\n[ \t]*$/u.test(text.slice(last[1], start));
    const isLine = (at) => text.startsWith("//", at);
    if (isNext && isLine(last[0]) && isLine(start)) last[1] = end;
    else joined.push([start, end]);
  }
  return joined;
}

/** Texts between the tags of a page. */
function tagTexts(kind, text) {
  if (kind !== ".tsx" && kind !== ".jsx") return [];
  return rangesOf(text, /(?<=>)[^<>{}=;()]*\w\s+\w[^<>{}=;()]*(?=[<{])/gu);
}
