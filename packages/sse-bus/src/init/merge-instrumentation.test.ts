import { runInNewContext } from "node:vm";
import { transformSync } from "esbuild";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readMinimalExample } from "../../scripts/minimal-example.mjs";
import { mergeInstrumentation } from "./merge-instrumentation.ts";

const { instrumentation: example } = (await readMinimalExample()).ts;

function merged(text: string, file = "instrumentation.ts"): string {
  const merge = mergeInstrumentation(text, example, file);
  return merge.kind === "merged" ? merge.text : `${merge.kind}: ${JSON.stringify(merge)}`;
}

describe("a register is extended at", () => {
  test("its end, if it does not look at the runtime", () => {
    expect(
      merged(`import { registerOTel } from "@vercel/otel";

export function register() {
  registerOTel("shop");
}
`),
    ).toBe(`import { registerOTel } from "@vercel/otel";

export async function register() {
  registerOTel("shop");
  if (process.env.NEXT_RUNTIME === "nodejs") {
    await import("./lib/sse-bus");
    const { registerSseBus } = await import("sse-bus/next");
    await registerSseBus();
  }
}
`);
  });

  test("the end of its block for Node.js, in the style of the file", () => {
    expect(
      merged(`import * as Sentry from '@sentry/nextjs'

export async function register() {
    if (process.env.NEXT_RUNTIME === 'nodejs') {
        await import('./sentry.server.config')
    }
    if (process.env.NEXT_RUNTIME === 'edge') {
        await import('./sentry.edge.config')
    }
}

export const onRequestError = Sentry.captureRequestError
`),
    ).toBe(`import * as Sentry from '@sentry/nextjs'

export async function register() {
    if (process.env.NEXT_RUNTIME === 'nodejs') {
        await import('./sentry.server.config')
        await import('./lib/sse-bus')
        const { registerSseBus } = await import('sse-bus/next')
        await registerSseBus()
    }
    if (process.env.NEXT_RUNTIME === 'edge') {
        await import('./sentry.edge.config')
    }
}

export const onRequestError = Sentry.captureRequestError
`);
  });

  test("the place before a return, with the comment of the return", () => {
    expect(
      merged(`export const register = (): void => {
\tstart();
\t// Only in some places.
\tif (!process.env.DSN) return;
\treport();
};
`),
    ).toBe(`export const register = async (): Promise<void> => {
\tstart();
\tif (process.env.NEXT_RUNTIME === "nodejs") {
\t\tawait import("./lib/sse-bus");
\t\tconst { registerSseBus } = await import("sse-bus/next");
\t\tawait registerSseBus();
\t}
\t// Only in some places.
\tif (!process.env.DSN) return;
\treport();
};
`);
  });

  test.each([";", ""])("the line after the comment of another statement, with %j", (semicolon) => {
    expect(
      merged(`export async function register() {
  start()${semicolon} // needs the network
  return report()${semicolon}
}
`),
    ).toBe(`export async function register() {
  start()${semicolon} // needs the network
  if (process.env.NEXT_RUNTIME === "nodejs") {
    await import("./lib/sse-bus")${semicolon}
    const { registerSseBus } = await import("sse-bus/next")${semicolon}
    await registerSseBus()${semicolon}
  }
  return report()${semicolon}
}
`);
  });

  test("its end, after a return for other runtimes", () => {
    expect(
      merged(`export async function register() {
  if (process.env.NEXT_RUNTIME !== "nodejs") return;
  await import("./tracing");
}
`),
    ).toMatch(/return;\n {2}await import\("\.\/tracing"\);\n {2}if \(process\.env/);
  });

  test("its only line, if it is empty or has one line", () => {
    const inner = `if (process.env.NEXT_RUNTIME === "nodejs") {
    await import("./lib/sse-bus");
    const { registerSseBus } = await import("sse-bus/next");
    await registerSseBus();
  }
}
`;
    expect(merged(`export function register() {}\n`)).toBe(
      `export async function register() {\n  ${inner}`,
    );
    expect(merged(`export function register() { start(); }\n`)).toBe(
      `export async function register() { start();\n  ${inner}`,
    );
  });

  test("its end, keeping line ends of Windows", () => {
    const text = merged("export async function register() {\r\n  start();\r\n}\r\n");
    expect(text).toContain("registerSseBus();\r\n  }\r\n}\r\n");
    expect(text.replaceAll("\r\n", "")).not.toContain("\n");
  });

  test("its end, if it is exported later", () => {
    const text = merged("async function start() {}\nexport { start as register };\n");
    expect(text).toMatch(/^async function start\(\) \{\n {2}if \(process[^]*\}\n\}\nexport/);
  });
});

test.each([
  ["a file without register", `export const onRequestError = () => {};\n`],
  ["an empty file", ""],
])("%s gets the whole function", (_, text) => {
  expect(merged(text)).toBe(text === "" ? example : `${text}\n${example}`);
});

test.each([
  ["a call", example],
  [
    "a call with options",
    `import { registerSseBus } from "sse-bus/next"; export const register = () => registerSseBus({});`,
  ],
])("a file that registers the bus with %s stays as it is", (_, text) => {
  expect(mergeInstrumentation(text, example, "instrumentation.ts")).toEqual({ kind: "same" });
});

test("a comment about registerSseBus is not a call", () => {
  expect(merged("// TODO: registerSseBus\nexport async function register() {}\n")).toContain(
    "await registerSseBus();",
  );
});

test.each([
  ["a syntax error", "export function register( {", /cannot be parsed/],
  ["another file's function", `export { register } from "./tracing";`, /another file/],
  ["everything of another file", `export * from "./tracing";`, /another file/],
  [
    "an imported function",
    `import { register } from "./a"; export { register };`,
    /not a function/,
  ],
  ["CommonJS", "module.exports = { register() {} };", /CommonJS/],
  ["CommonJS with exports", "exports.register = function () {};", /CommonJS/],
  ["a function without braces", `export const register = () => registerOTel("a");`, /braces/],
  ["the result of a call", "export const register = once(() => {});", /not written as/],
  ["a generator", "export function* register() {}", /generator/],
  ["another return type", "export function register(): number { return 1; }", /return type/],
  ["a function that is not exported", "function register() {}", /does not export/],
])("%s is left to a person", (_, text, reason) => {
  const merge = mergeInstrumentation(text, example, "instrumentation.ts");
  expect(merge).toEqual({ kind: "by-hand", reason: expect.stringMatching(reason) });
});

describe("whatever register does", () => {
  test("the bus is registered once in Node.js and never on the edge, and the rest happens as before", async () => {
    let seen = 0;
    await fc.assert(
      fc.asyncProperty(modules, async (text) => {
        const merge = mergeInstrumentation(text, example, "instrumentation.ts");
        if (merge.kind !== "merged") throw new Error(`${merge.kind}\n${text}`);
        seen++;
        for (const runtime of ["nodejs", "edge"] as const) {
          const before = await effects(text, runtime);
          const after = await effects(merge.text, runtime);
          const own = ["import ./lib/sse-bus", "import sse-bus/next", "registered"];
          expect(after.filter((effect) => own.includes(effect))).toEqual(
            runtime === "nodejs" ? own : [],
          );
          expect(after.filter((effect) => !own.includes(effect))).toEqual(before);
        }
        const again = mergeInstrumentation(merge.text, example, "instrumentation.ts");
        expect(again.kind).toBe("same");
      }),
      { numRuns: 150 },
    );
    expect(seen).toBe(150);
  });
});

/** What happens when Next.js calls `register` of this module. */
async function effects(text: string, runtime: "nodejs" | "edge"): Promise<string[]> {
  const { code } = transformSync(text.replaceAll("import(", "load("), {
    loader: "ts",
    format: "cjs",
  });
  const log: string[] = [];
  const load = async (name: string) => {
    log.push(`import ${name}`);
    return { registerSseBus: () => log.push("registered") };
  };
  const compiled = { exports: {} as { register(): unknown } };
  runInNewContext(code, {
    module: compiled,
    process: { env: { NEXT_RUNTIME: runtime } },
    load,
    log: (name: string) => log.push(name),
    flag: true,
  });
  await compiled.exports.register();
  return log;
}

/** Modules with a `register` of the shapes that people write. */
const modules: fc.Arbitrary<string> = (() => {
  const simple = fc.constantFrom(
    `log("one");`,
    `await import("./tracing");`,
    `// A comment`,
    `const list = [1].map((n) => { return n; });`,
    `function helper() { return 1; }`,
    `for (const n of [1, 2]) { log("loop"); }`,
    `try { log("tried"); } catch { log("failed"); }`,
  );
  const nested = fc
    .record({
      test: fc.constantFrom(
        `process.env.NEXT_RUNTIME === "nodejs"`,
        `"nodejs" === process.env.NEXT_RUNTIME`,
        `process.env["NEXT_RUNTIME"] === "nodejs"`,
        `process.env.NEXT_RUNTIME !== "nodejs"`,
        `process.env.NEXT_RUNTIME === "edge"`,
        `process.env.NEXT_RUNTIME === "nodejs" && flag`,
        `flag`,
        `!flag`,
      ),
      inside: fc.constantFrom(
        `log("inside");`,
        `return;`,
        `{ log("inside"); }`,
        `{ log("inside"); return; }`,
        `{ if (flag) { return; } log("inside"); }`,
        `{ await import("./inside"); // why\n}`,
        `{}`,
      ),
      otherwise: fc.constantFrom("", ` else log("else");`, ` else { return; }`),
    })
    .map(({ test, inside, otherwise }) => `if (${test}) ${inside}${otherwise}`);
  const statements = fc.uniqueArray(fc.oneof(simple, nested), { maxLength: 5 });
  const forms: readonly ((body: string) => string)[] = [
    (body) => `export async function register() {\n${body}\n}\n`,
    (body) => `export async function register(): Promise<void> {\n${body}\n}\n`,
    (body) => `export const register = async () => {\n${body}\n};\n`,
    (body) => `export const register = async function () {\n${body}\n};\n`,
    (body) => `async function start() {\n${body}\n}\nexport { start as register };\n`,
    (body) => `export async function register() { ${body}\n}\nexport const x = 1;\n`,
    (body) => `export function register(): void {\n${body.replaceAll("await ", "void ")}\n}\n`,
  ];
  return fc
    .tuple(statements, fc.constantFrom(...forms), fc.constantFrom("  ", "\t", ""))
    .map(([list, form, indent]) => form(list.map((one) => indent + one).join("\n")));
})();
