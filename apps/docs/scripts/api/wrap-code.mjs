/** TypeScript writes a declaration's parameters into one line, however long. */
const WIDTH = 88;

/** Breaks long lines at the commas of their outermost list: parameters first, then type parameters. */
export function wrapCode(code) {
  return code
    .replaceAll(/^(?: {4})+/gm, (indent) => "  ".repeat(indent.length / 4))
    .split("\n")
    .flatMap((line) => (line.length > WIDTH ? wrapLine(line) : [line]))
    .join("\n");
}

function wrapLine(line) {
  const indent = /^ */.exec(line)?.[0] ?? "";
  for (const open of ["(", "<", "{"]) {
    const start = line.indexOf(open);
    const list = start === -1 ? undefined : readList(line, start);
    if (list === undefined || list.parts.length === 0) continue;
    const separator = open === "{" ? ";" : ",";
    const parts = list.parts.map((part) => `${indent}  ${part}${separator}`);
    const tail = `${indent}${line.slice(list.end)}`;
    const head = line.slice(0, start + 1);
    const wrap = (text) => (text.length > WIDTH && text !== line ? wrapLine(text) : [text]);
    return [...wrap(head), ...parts.flatMap(wrap), ...wrap(tail)];
  }
  return [line];
}

/** The parts between a bracket and the one that closes it, or nothing if that is on another line. */
function readList(line, start) {
  const parts = [];
  let depth = 0;
  let from = start + 1;
  for (let at = start; at < line.length; at += 1) {
    const char = line[at];
    if ("([{<".includes(char)) depth += 1;
    // The arrow of a function type closes nothing.
    if (")]}".includes(char) || (char === ">" && line[at - 1] !== "=")) depth -= 1;
    const isEnd = depth === 0;
    if (isEnd || (depth === 1 && (char === "," || char === ";"))) {
      const part = line.slice(from, at).trim();
      if (part !== "") parts.push(part);
      from = at + 1;
    }
    if (isEnd) return { parts, end: at };
  }
  return undefined;
}
