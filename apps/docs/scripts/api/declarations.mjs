// What the entry points export, as plain data: read with TypeScript's compiler API, which TypeScript 7 does not have yet.
import ts from "typescript";

/**
 * @typedef {{ summary: string, tags: { name: string, text: string }[] }} Docs
 * @typedef {{ name: string, type: string, isOptional: boolean, docs: Docs }} Member
 * @typedef {{ name: string, kind: string, docs: Docs, code: string, members: Member[], extends: string[] }} Item
 * @typedef {{ name: string, docs: Docs, items: Item[] }} EntryPoint
 */

/**
 * @param {{ name: string, file: string }[]} files
 * @returns {EntryPoint[]}
 */
export function readEntryPoints(files) {
  const program = ts.createProgram(
    files.map(({ file }) => file),
    {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      strict: true,
      skipLibCheck: true,
      noEmit: true,
    },
  );
  const checker = program.getTypeChecker();
  return files.map(({ name, file }) => {
    const source = program.getSourceFile(file);
    const entry = source && checker.getSymbolAtLocation(source);
    if (!source || !entry) throw new Error(`${file} exports nothing.`);
    const items = checker.getExportsOfModule(entry).map((exported) => {
      const isAlias = (exported.flags & ts.SymbolFlags.Alias) !== 0;
      return itemOf(exported.name, isAlias ? checker.getAliasedSymbol(exported) : exported);
    });
    return { name, docs: docsOf(source.statements[0]), items };
  });
}

/** @returns {Item} */
function itemOf(name, symbol) {
  const declarations = symbol.declarations ?? [];
  const [first] = declarations;
  if (first === undefined) throw new Error(`${name} has no declaration.`);
  const members = membersOf(first);
  const [documented = first] = declarations.filter((each) => docsOf(each).summary !== "");
  return {
    name,
    kind: kindOf(first),
    docs: docsOf(documented),
    code: declarations.map((each) => codeOf(each, members.length > 0)).join("\n"),
    members,
    extends: (first.heritageClauses ?? []).flatMap(({ types }) =>
      types.map((type) => type.getText()),
    ),
  };
}

function kindOf(node) {
  if (ts.isFunctionDeclaration(node)) return "Functions";
  if (ts.isClassDeclaration(node)) return "Classes";
  if (ts.isVariableDeclaration(node)) return isCallable(node) ? "Functions" : "Constants";
  if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return "Types";
  throw new Error(`No section for a ${ts.SyntaxKind[node.kind]}: add it to ${import.meta.url}`);
}

function isCallable({ type }) {
  return type !== undefined && ts.isFunctionTypeNode(type);
}

/** The members that get a row or a section: of interfaces, classes, and types that are one object. */
function membersOf(node) {
  const isAlias = ts.isTypeAliasDeclaration(node) && ts.isTypeLiteralNode(node.type);
  const hasList = ts.isInterfaceDeclaration(node) || ts.isClassDeclaration(node);
  const list = isAlias ? node.type.members : hasList ? node.members : [];
  return list
    .filter((member) => member.name !== undefined && !isHidden(member))
    .map((member) => ({
      name: member.name.getText().replace(/^\[(.*)\]$/, "$1"),
      type: memberType(member),
      isOptional: member.questionToken !== undefined,
      docs: docsOf(member),
    }));
}

function isHidden(member) {
  const hidden = [ts.SyntaxKind.PrivateKeyword, ts.SyntaxKind.ProtectedKeyword];
  return (
    ts.isPrivateIdentifier(member.name) ||
    (member.modifiers ?? []).some(({ kind }) => hidden.includes(kind)) ||
    docsOf(member).tags.some(({ name }) => name === "internal")
  );
}

function memberType(member) {
  const isMethod = ts.isMethodSignature(member) || ts.isMethodDeclaration(member);
  if (!isMethod) return member.type ? textOf(member.type) : "";
  const parameters = member.parameters.map((each) => textOf(each)).join(", ");
  const generics = member.typeParameters?.map((each) => textOf(each)).join(", ");
  const result = member.type ? textOf(member.type) : "void";
  return `${generics ? `<${generics}>` : ""}(${parameters}) => ${result}`;
}

/** The declaration as TypeScript writes it. If its members follow in a table, only the head. */
function codeOf(node, hasMembers) {
  if (ts.isVariableDeclaration(node)) return `const ${textOf(node)};`;
  const text = textOf(node)
    .replace(/^export /, "")
    .replace(/^(?:default )?declare /, "");
  if (!hasMembers) return text;
  const body = ts.isTypeAliasDeclaration(node) ? node.type : undefined;
  const start = body ? body.getStart() - node.getStart() : undefined;
  const head = start === undefined ? text.slice(0, text.indexOf("{\n")) : text.slice(0, start);
  return `${head.replace(/^(?:export )?(?:declare )?/, "").trimEnd()} { … }`;
}

/** The source of a node without comments. */
function textOf(node) {
  const text = node.getText();
  const scanner = ts.createScanner(
    ts.ScriptTarget.Latest,
    false,
    ts.LanguageVariant.Standard,
    text,
  );
  let code = "";
  for (let kind = scanner.scan(); kind !== ts.SyntaxKind.EndOfFileToken; kind = scanner.scan()) {
    const isComment =
      kind === ts.SyntaxKind.MultiLineCommentTrivia ||
      kind === ts.SyntaxKind.SingleLineCommentTrivia;
    if (!isComment) code += scanner.getTokenText();
  }
  return code.replace(/\n[ \t]*(?=\n)/g, "");
}

/** @returns {Docs} */
function docsOf(node) {
  const owner = node && ts.isVariableDeclaration(node) ? node.parent.parent : node;
  const [block] = owner ? ts.getJSDocCommentsAndTags(owner).filter(ts.isJSDoc).slice(-1) : [];
  const tags = (block?.tags ?? []).map((tag) => {
    const parameter = tag.name && ts.isIdentifier(tag.name) ? `${tag.name.text} ` : "";
    return { name: tag.tagName.text, text: parameter + plain(tag.comment) };
  });
  return { summary: plain(block?.comment), tags };
}

function plain(comment) {
  return (ts.getTextOfJSDocComment(comment) ?? "").trim();
}
