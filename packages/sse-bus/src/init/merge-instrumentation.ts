import type { BlockStatement, IfStatement, Node, Statement } from "@babel/types";
import { type CodeStyle, dedent, indentationAt, restyle, styleOf } from "./code-style.ts";
import { findRegister, type RegisterFunction } from "./find-register.ts";
import { nodesOf, parseModule } from "./syntax.ts";

/** What to do with an instrumentation file that is there already. */
export type Merge =
  | { readonly kind: "same" }
  | { readonly kind: "merged"; readonly text: string }
  | { readonly kind: "by-hand"; readonly reason: string };

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * Adds to the app's `register` what the one of the minimal example does. Everything else stays as it is. A file
 * whose shape is not certain is left to a person.
 */
export function mergeInstrumentation(text: string, example: string, file: string): Merge {
  const body = parseModule(text, file);
  if (body === undefined) return byHand("it cannot be parsed");
  if (isRegistered(body)) return { kind: "same" };
  const register = findRegister(body);
  if (register instanceof Error) return byHand(register.message);
  const style = styleOf(text, body);
  let merged;
  if (register === "none") {
    const before = text.trim() === "" ? "" : text.trimEnd() + style.newline + style.newline;
    merged = before + restyle(example, style);
  } else {
    const asynchronous = madeAsync(register);
    if (asynchronous instanceof Error) return byHand(asynchronous.message);
    merged = apply(text, [...asynchronous, added(text, { register, example, style })]);
  }
  const result = parseModule(merged, file);
  return result && isRegistered(result)
    ? { kind: "merged", text: merged }
    : byHand("its shape is unusual");
}

const byHand = (reason: string): Merge => ({ kind: "by-hand", reason });

function isRegistered(body: readonly Statement[]): boolean {
  return some(body, (node) => node.type === "Identifier" && node.name === "registerSseBus");
}

/** Next.js awaits `register`, so it may become `async`. */
function madeAsync(register: RegisterFunction): Edit[] | Error {
  if (register.async) return [];
  const edits: Edit[] = [{ ...at(register), end: at(register).start, text: "async " }];
  if (register.returnType?.type !== "TSTypeAnnotation") return edits;
  const type = register.returnType.typeAnnotation;
  if (type.type === "TSVoidKeyword") return [...edits, { ...at(type), text: "Promise<void>" }];
  const isPromise =
    type.type === "TSTypeReference" &&
    type.typeName.type === "Identifier" &&
    type.typeName.name === "Promise";
  return isPromise ? edits : new Error("its `register` has another return type than void");
}

/**
 * Adds at the end, where OpenTelemetry and Sentry have patched the backend's client, but before a `return`, after
 * which nothing would run.
 */
function added(
  text: string,
  code: {
    readonly register: RegisterFunction;
    readonly example: string;
    readonly style: CodeStyle;
  },
): Edit {
  const { whole, inner } = exampleParts(code.example);
  const body = code.register.body as BlockStatement;
  for (const statement of body.body) {
    // What follows `if (process.env.NEXT_RUNTIME !== "nodejs") return;` runs where it should.
    if (isIf(statement) && !statement.alternate && comparesRuntime(statement, "otherwise"))
      continue;
    if (isIf(statement) && comparesRuntime(statement, "nodejs")) {
      const block = statement.consequent;
      if (block.type === "BlockStatement") {
        const first = block.body.find(mayReturn);
        return first
          ? before(text, first, { code: inner, style: code.style })
          : atEnd(text, block, { code: inner, style: code.style });
      }
    }
    if (mayReturn(statement)) return before(text, statement, { code: whole, style: code.style });
  }
  return atEnd(text, body, { code: whole, style: code.style });
}

/** The `if` of the minimal example's `register`, and the statements in it. */
export function exampleParts(example: string): { whole: string; inner: string } {
  const register = findRegister(parseModule(example, "instrumentation.ts") ?? []);
  if (register === "none" || register instanceof Error) throw new Error("No register to copy");
  const [statement] = (register.body as BlockStatement).body;
  const lines = (from: number, to: number): string =>
    dedent(example.slice(from, to), indentationAt(example, from));
  if (statement?.type !== "IfStatement" || statement.consequent.type !== "BlockStatement") {
    throw new Error("No condition to copy");
  }
  const { body } = statement.consequent;
  return {
    whole: lines(at(statement).start, at(statement).end),
    inner: lines(at(body[0]).start, at(body.at(-1)).end),
  };
}

interface Addition {
  readonly code: string;
  readonly style: CodeStyle;
}

function before(text: string, statement: Statement, { code, style }: Addition): Edit {
  const starts = [...(statement.leadingComments ?? []), statement].map((node) => node.start ?? 0);
  // The first comment may be behind the code of the line before.
  const start = starts.find((offset) => beginsLine(text, offset)) ?? at(statement).start;
  const indentation = indentationAt(text, start);
  const lines = restyle(code, style, indentation).slice(indentation.length);
  return { start, end: start, text: lines + style.newline + indentation };
}

function beginsLine(text: string, offset: number): boolean {
  return text.slice(text.lastIndexOf("\n", offset - 1) + 1, offset).trim() === "";
}

function atEnd(text: string, block: BlockStatement, { code, style }: Addition): Edit {
  const outer = indentationAt(text, at(block).start);
  const lines = restyle(code, style, outer + style.indent);
  const end = at(block).end - 1;
  const start = text.slice(0, end).trimEnd().length;
  return { start, end, text: style.newline + lines + style.newline + outer };
}

function isIf(statement: Statement): statement is IfStatement {
  return statement.type === "IfStatement";
}

/** `process.env.NEXT_RUNTIME === "nodejs"`, or the opposite: `!== "nodejs"`, `=== "edge"`. */
function comparesRuntime({ test }: IfStatement, wanted: "nodejs" | "otherwise"): boolean {
  if (test.type !== "BinaryExpression") return false;
  const sides = [test.left, test.right];
  const value = sides.find((side) => side.type === "StringLiteral")?.value;
  if (!sides.some(isRuntime) || value === undefined) return false;
  if (/^===?$/.test(test.operator)) return value === (wanted === "nodejs" ? "nodejs" : "edge");
  return /^!==?$/.test(test.operator) && wanted === "otherwise" && value === "nodejs";
}

function isRuntime(node: Node): boolean {
  if (node.type !== "MemberExpression") return false;
  const { property } = node;
  return property.type === "Identifier"
    ? property.name === "NEXT_RUNTIME"
    : property.type === "StringLiteral" && property.value === "NEXT_RUNTIME";
}

function mayReturn(statement: Statement): boolean {
  const isFunction = ({ type }: Node): boolean => /Function|Method/.test(type);
  return some([statement], (node) => node.type === "ReturnStatement", isFunction);
}

function some(
  nodes: readonly Node[],
  isWanted: (node: Node) => boolean,
  isSkipped?: (node: Node) => boolean,
): boolean {
  for (const root of nodes) {
    for (const node of nodesOf(root, isSkipped)) if (isWanted(node)) return true;
  }
  return false;
}

function at(node: Node | undefined): { start: number; end: number } {
  return { start: node?.start ?? 0, end: node?.end ?? 0 };
}

function apply(text: string, edits: readonly Edit[]): string {
  let result = text;
  for (const { start, end, text: replacement } of edits.toSorted((a, b) => b.start - a.start)) {
    result = result.slice(0, start) + replacement + result.slice(end);
  }
  return result;
}
