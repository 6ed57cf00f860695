import type {
  ArrowFunctionExpression,
  FunctionDeclaration,
  FunctionExpression,
  Node,
  Statement,
} from "@babel/types";
import { nodesOf } from "./syntax.ts";

/** A function with a body that code can be added to. */
export type RegisterFunction = FunctionDeclaration | FunctionExpression | ArrowFunctionExpression;

/** The exported `register` of an instrumentation file; `none` if there is none, or why it cannot be found. */
export function findRegister(body: readonly Statement[]): RegisterFunction | "none" | Error {
  let name = "";
  for (const statement of body) {
    if (statement.type === "ExportAllDeclaration") name ||= "*";
    if (statement.type !== "ExportNamedDeclaration") continue;
    const declared = statement.declaration && declarationOf(statement.declaration, "register");
    if (declared) return checked(declared);
    for (const specifier of statement.specifiers) {
      const { exported } = specifier;
      if ((exported.type === "Identifier" ? exported.name : exported.value) !== "register")
        continue;
      if (statement.source || specifier.type !== "ExportSpecifier") {
        return new Error("it exports `register` of another file");
      }
      name = specifier.local.name;
    }
  }
  if (name === "*") return new Error("it exports everything of another file");
  if (body.some(isCommonJs)) return new Error("it is a CommonJS module");
  const local = body.map((one) => declarationOf(one, name || "register")).find(Boolean);
  if (local && name) return checked(local);
  if (local) return new Error("it has a `register` that it does not export");
  return name ? new Error("its `register` is not a function of this file") : "none";
}

/** What a statement declares under this name. */
function declarationOf(statement: Node, name: string): Node | undefined {
  if (statement.type === "FunctionDeclaration") {
    return statement.id?.name === name ? statement : undefined;
  }
  if (statement.type !== "VariableDeclaration") return undefined;
  const found = statement.declarations.find(
    ({ id }) => id.type === "Identifier" && id.name === name,
  );
  return found?.init ?? found;
}

function checked(node: Node): RegisterFunction | Error {
  const isFunction =
    node.type === "FunctionDeclaration" ||
    node.type === "FunctionExpression" ||
    node.type === "ArrowFunctionExpression";
  if (!isFunction) return new Error("its `register` is not written as a function");
  if (node.generator) return new Error("its `register` is a generator");
  if (node.body.type !== "BlockStatement") {
    return new Error("its `register` has no body in braces");
  }
  return node;
}

/** `module.exports = …`, `exports.register = …`. */
function isCommonJs(statement: Statement): boolean {
  for (const node of nodesOf(statement)) {
    if (node.type !== "AssignmentExpression" || node.left.type !== "MemberExpression") continue;
    for (const part of nodesOf(node.left)) {
      if (part.type === "Identifier" && /^(module|exports)$/.test(part.name)) return true;
    }
  }
  return false;
}
