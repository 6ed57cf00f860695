// The Markdown of one entry point.
import { wrapCode } from "./wrap-code.mjs";

const SECTIONS = ["Functions", "Classes", "Constants", "Types"];

/** Longer descriptions do not fit into a table. */
const LONG = 400;
const LONG_TYPE = 120;

/**
 * @param {import("./declarations.mjs").EntryPoint} entryPoint
 * @param {{ entryPoints: import("./declarations.mjs").EntryPoint[], errorCodes: Set<string> }} context
 */
export function renderPage(entryPoint, { entryPoints, errorCodes }) {
  const { name, docs, items } = entryPoint;
  const write = writer({ name, entryPoints, errorCodes });
  const title = name === "sse-bus" ? name : `sse-bus/${name}`;
  const sections = SECTIONS.flatMap((section) => {
    const members = items.filter(({ kind }) => kind === section);
    if (members.length === 0) return [];
    const sorted = members.toSorted((a, b) => a.name.localeCompare(b.name, "en"));
    return [`## ${section}`, ...sorted.map((item) => renderItem(item, write))];
  });
  return `${[`# ${title}`, write.text(docs.summary), ...sections].filter(Boolean).join("\n\n")}\n`;
}

function renderItem(item, write) {
  const { name, code, docs, members } = item;
  const parts = [
    `### ${name}`,
    ...noticesOf(docs),
    write.text(docs.summary),
    `\`\`\`ts\n${wrapCode(code)}\n\`\`\``,
    write.related(item),
    ...renderTags(docs, write),
  ];
  if (members.length > 0) parts.push(renderTable(members, name, write));
  for (const member of members) if (!isRow(member)) parts.push(renderMember(member, name, write));
  return parts.filter(Boolean).join("\n\n");
}

function isRow({ docs, type }) {
  const text = docs.summary + docs.tags.map((tag) => tag.text).join("");
  const isProse = !text.includes("```") && !text.includes("\n\n") && !/^[-*] /m.test(text);
  return isProse && text.length < LONG && type.length < LONG_TYPE;
}

/** Every member in a row. A longer one has its first sentence there, and a section below. */
function renderTable(members, owner, write) {
  const hasDefaults = members.some(({ docs }) => tagOf(docs, "default") !== "");
  const cells = (list) => `| ${list.filter((cell) => cell !== undefined).join(" | ")} |`;
  const rows = members.map((member) => {
    const { name, isOptional, type, docs } = member;
    const more = `[More](#${`${owner}.${name}`.toLowerCase().replaceAll(/[^\w-]/g, "")})`;
    const text = isRow(member)
      ? [docs.summary, ...inlineTags(docs)].join(" ")
      : `${docs.summary.split(/(?<=[.:])\s/)[0].replace(/:$/, ".")} ${more}`;
    return cells([
      `\`${name}${isOptional ? "?" : ""}\``,
      type.length < LONG_TYPE ? codeCell(type) : "",
      hasDefaults ? codeCell(tagOf(docs, "default").replace(/^`|`$/g, "")) : undefined,
      cell(write.text(text)),
    ]);
  });
  const head = ["name", "type", hasDefaults ? "default" : undefined, "description"];
  return [cells(head), cells(head.map((each) => each && "---")), ...rows].join("\n");
}

function renderMember({ name, type, isOptional, docs }, owner, write) {
  const fallback = tagOf(docs, "default");
  return [
    `#### ${owner}.${name}`,
    ...noticesOf(docs),
    write.text(docs.summary),
    `\`\`\`ts\n${wrapCode(`${name}${isOptional ? "?" : ""}: ${dedent(type)};`)}\n\`\`\``,
    fallback && `Default: ${fallback.includes("`") ? fallback : `\`${fallback}\``}`,
    ...renderTags(docs, write),
  ]
    .filter(Boolean)
    .join("\n\n");
}

function renderTags({ tags }, write) {
  const texts = (name) => tags.filter((tag) => tag.name === name).map(({ text }) => text);
  const parameters = tags
    .filter(({ name }) => name === "param" || name === "typeParam")
    .map(({ text }) => text.replace(/^(\S+)\s*(?:-\s*)?/, (_, name) => `- \`${name}\`: `));
  return [
    parameters.length > 0 && write.text(parameters.join("\n")),
    ...texts("remarks").map((text) => write.text(text)),
    ...[...texts("returns"), ...texts("return")].map((text) => write.text(`**Returns** ${text}`)),
    ...texts("throws").map((text) => write.text(`**Throws** ${text}`)),
    ...texts("see").map((text) => write.text(`**See** ${text}`)),
    ...texts("example").map((text) => (text.includes("```") ? text : `\`\`\`ts\n${text}\n\`\`\``)),
  ];
}

/** Tags that fit into a cell. */
function inlineTags({ tags }) {
  return tags.flatMap(({ name, text }) => {
    if (name === "throws") return [`Throws ${text}.`.replace("..", ".")];
    return name === "returns" || name === "see" ? [text] : [];
  });
}

function noticesOf(docs) {
  const reason = docs.tags.find(({ name }) => name === "deprecated")?.text;
  const experimental = docs.tags.some(({ name }) => name === "experimental");
  return [
    reason !== undefined && `**Deprecated.** ${reason}`,
    experimental && "**Experimental:** this may change in a minor version.",
  ];
}

function tagOf({ tags }, wanted) {
  return tags.find(({ name }) => name === wanted || name === `${wanted}Value`)?.text ?? "";
}

/** Turns `{@link …}` and error codes into links, and lists the exports that a declaration uses. */
function writer({ name: page, entryPoints, errorCodes }) {
  /** The page of each export: this page if it has it, else the first that has. */
  const pages = new Map();
  for (const { name, items } of entryPoints) {
    for (const item of items)
      if (!pages.has(item.name) || name === page) pages.set(item.name, name);
  }
  const address = (name) => {
    const owner = pages.get(name);
    return `${owner === page ? "" : `${owner}.md`}#${name.toLowerCase()}`;
  };
  const link = (_, target, label) => {
    const [name] = target.split(/[.#]/);
    const text = label?.trim() || `\`${target}\``;
    return pages.has(name) ? `[${text}](${address(name)})` : text;
  };
  return {
    text: (text) =>
      text
        .replace(/\{@link(?:code|plain)?\s+([\w.#]+)\s*\|?([^}]*)\}/g, link)
        .replace(/(?<!\[)`([A-Z][A-Z_]+)`/g, (code, name) =>
          errorCodes.has(name) ? `[${code}](../errors/${name}.md)` : code,
        ),
    related: ({ name: own, code, members, extends: parents }) => {
      const text = [code, ...parents, ...members.map(({ type }) => type)].join(" ");
      const names = new Set(text.match(/\b[A-Z]\w+\b/g) ?? []);
      const links = [...names]
        .filter((name) => name !== own && pages.has(name))
        .map((name) => `[\`${name}\`](${address(name)})`);
      return links.length > 0 && `Uses ${links.join(", ")}`;
    },
  };
}

function codeCell(text) {
  return text === "" ? "" : cell(`\`${text.replaceAll(/\s+/g, " ")}\``);
}

function cell(text) {
  return text
    .replaceAll(/\s*\n\s*/g, " ")
    .replaceAll("|", "\\|")
    .trim();
}

/** Members are indented by their interface. */
function dedent(type) {
  return type.replaceAll(/\n {4}/g, "\n");
}
