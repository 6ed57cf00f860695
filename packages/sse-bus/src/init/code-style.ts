import type { Statement } from "@babel/types";
import { nodesOf } from "./syntax.ts";

/** How a file is written, so that what is added looks the same. */
export interface CodeStyle {
  readonly newline: string;
  /** One step of indentation. */
  readonly indent: string;
  readonly quote: string;
  readonly semicolon: string;
}

export function styleOf(text: string, body: readonly Statement[]): CodeStyle {
  let single = 0;
  let double = 0;
  let withSemicolon = 0;
  let without = 0;
  for (const statement of body) {
    for (const node of nodesOf(statement)) {
      if (node.type === "StringLiteral") {
        if (text[node.start ?? 0] === "'") single++;
        else double++;
      }
      if (/^(Import|Expression|Return)|^VariableDeclaration$/.test(node.type)) {
        if (text[(node.end ?? 0) - 1] === ";") withSemicolon++;
        else if (node.type !== "ImportExpression" && !node.type.endsWith("Specifier")) without++;
      }
    }
  }
  return {
    newline: text.includes("\r\n") ? "\r\n" : "\n",
    indent: /^(\t| {2,8})\S/m.exec(text)?.[1] ?? "  ",
    quote: single > double ? "'" : '"',
    semicolon: without > withSemicolon ? "" : ";",
  };
}

/** Code of the minimal example, at this indentation. */
export function restyle(code: string, style: CodeStyle, indentation = ""): string {
  return code
    .split("\n")
    .map((line) => {
      const [spaces = ""] = /^ */.exec(line) ?? [];
      const rest = line.slice(spaces.length);
      if (rest === "") return "";
      const styled = rest.replaceAll('"', style.quote).replace(/;$/, style.semicolon);
      return indentation + style.indent.repeat(spaces.length / 2) + styled;
    })
    .join(style.newline);
}

/** The spaces or tabs that the line at this offset begins with. */
export function indentationAt(text: string, offset: number): string {
  const line = text.slice(text.lastIndexOf("\n", offset - 1) + 1);
  return /^[ \t]*/.exec(line)?.[0] ?? "";
}

/** The lines without the indentation that they share with the first. */
export function dedent(text: string, indentation: string): string {
  return text.replaceAll(`\n${indentation}`, "\n");
}
