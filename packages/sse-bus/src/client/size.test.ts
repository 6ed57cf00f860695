import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { build, type OutputFile } from "esbuild";
import { describe, expect, onTestFinished, test } from "vitest";

import { startBusServer } from "../../test/support/bus-server.ts";
import type { createSseClient } from "./client.ts";

const CLIENT = `export { createSseClient } from "./client/index.ts"`;
const HOOKS = `export { SseProvider, useChannel, useSse, useSseStatus } from "./react/index.ts"`;

describe("bundled, minified and gzipped, dependencies in and React out,", () => {
  test("createSseClient takes at most 8.3 kB, and 8.5 kB where a bundler keeps all property names", async () => {
    const { bytes } = await bundle(CLIENT);
    expect(bytes).toBeLessThanOrEqual(8_350);
    const unmangled = await bundle(CLIENT, { isMangled: false });
    expect(unmangled.bytes).toBeLessThanOrEqual(8_540);
  });

  test("the address of error pages is not in a bundle of Next.js, and takes at most 110 bytes in others", async () => {
    const next = await bundle(CLIENT);
    expect(new TextDecoder().decode(next.code)).not.toContain("https:");
    const other = await bundle(CLIENT, { isForNext: false });
    expect(new TextDecoder().decode(other.code)).toContain("https:");
    expect(other.bytes - next.bytes).toBeLessThanOrEqual(110);
  });

  test("SseEventSource alone takes at most 2 kB", async () => {
    const { bytes } = await bundle(`export { SseEventSource } from "./client/index.ts"`);
    expect(bytes).toBeLessThanOrEqual(2_000);
  });

  test("both together, with presence, take at most 11.8 kB", async () => {
    const { bytes } = await bundle(`export * from "./client/index.ts"`);
    expect(bytes).toBeLessThanOrEqual(11_830);
  });

  test.each([
    ["createPresence", 2_470, `export { createPresence } from "./client/index.ts"`],
    ["useChannel, useSse, useSseStatus and SseProvider", 970, HOOKS],
    ["usePresence", 2_870, `export { usePresence } from "./react/index.ts"`],
    ["useServerTime", 580, `export { useServerTime } from "./react/index.ts"`],
    ["useLive", 1_430, `export { useLive } from "./react/index.ts"`],
    ["useRefresh", 820, `export { useRefresh } from "./react/index.ts"`],
    ["useTask and useTasks", 3_380, `export { useTask, useTasks } from "./react/index.ts"`],
    ["all hooks", 7_290, `export * from "./react/index.ts"`],
  ])("%s takes at most %i bytes more than the client", async (_, limit, contents) => {
    const client = await bundle(CLIENT);
    const both = await bundle(`${CLIENT}; ${contents}`);
    expect(both.bytes - client.bytes).toBeLessThanOrEqual(limit);
  });
});

describe("what reaches a browser", () => {
  test("is only code of this package: no library, no schema, nothing of the server but names and errors", async () => {
    const { inputs } = await bundle(
      `export * from "./client/index.ts"; export * from "./react/index.ts"`,
    );
    const foreign = inputs.filter((path) => !/^(client|react)\//.test(path));
    expect(foreign.toSorted()).toEqual([
      "core/channel-name.ts",
      "core/channel-segment.ts",
      "core/errors.ts",
      "core/instances/instance-id.ts",
      "core/live/apply-message.ts",
      "core/live/live-types.ts",
      "core/presence/contribution.ts",
      "core/presence/fold.ts",
      "core/presence/member.ts",
      "core/timers.ts",
      "live/define-live.ts",
      "tasks/task-channels.ts",
      "tasks/task-live.ts",
      "tasks/task-messages.ts",
      "tasks/task-state.ts",
    ]);
  });

  test("of the server's entry, is only what a live value needs", async () => {
    const { inputs, bytes } = await bundle(
      `export { counters, defineLive, lastMessages, newestByKey, newestValue } from "./index.ts"`,
    );
    expect(inputs.toSorted()).toEqual([
      "core/errors.ts",
      "core/live/live-types.ts",
      "live/define-live.ts",
      "live/reducers.ts",
    ]);
    expect(bytes).toBeLessThanOrEqual(840);
  });

  test("uses nothing newer than ES2022, which every browser since 2022 has", async () => {
    const { code } = await bundle(
      `export * from "./client/index.ts"; export * from "./react/index.ts"`,
      { isMangled: false },
    );
    expect(newerThanES2022(code)).toEqual([]);
    const newer = await bundle(
      `export const f = (a: number[], b: Set<number>, m: any) =>
        [a.toSorted(), a.with(0, 1), b.union(b), m?.findLast?.(f), m.values().map(f),
         Object.groupBy(a, String), /[a--b]/v, AbortSignal.any([])];`,
    );
    expect(newerThanES2022(newer.code)).toHaveLength(8);
  });

  test("is only what is imported", async () => {
    const { inputs } = await bundle(`export { SseEventSource } from "./client/index.ts"`);
    expect(inputs).not.toContain("client/multiplexer.ts");
    const client = await bundle(CLIENT);
    expect(client.inputs).not.toContain("client/event-source.ts");
    expect(client.inputs.filter((path) => /presence|server-clock/.test(path))).toEqual([]);
    const hooks = await bundle(HOOKS);
    expect(hooks.inputs.filter((path) => /presence|server-clock|live|tasks/.test(path))).toEqual(
      [],
    );
  });
});

test("a client whose private properties are renamed works", async () => {
  const { code } = await bundle(CLIENT);
  const url = `data:text/javascript;base64,${Buffer.from(code).toString("base64")}`;
  const renamed: { createSseClient: typeof createSseClient } = await import(/* @vite-ignore */ url);
  const server = startBusServer({});
  onTestFinished(() => server[Symbol.asyncDispose]());
  using client = renamed.createSseClient({ url: server.url, fetch: server.fetch });
  const cursor = await server.bus.cursor();
  await server.bus.publish(1, { channel: "a" });
  const received = await new Promise((resolve) => {
    client.subscribe("a", resolve, { cursor });
  });
  expect(received).toBe(1);
  expect(client.status).toBe("open");
});

/** Methods and functions of ES2023 and later, and web APIs of 2023 and later. esbuild checks only the syntax. */
const NEWER = [
  // ES2023
  /\.(toReversed|toSorted|toSpliced|with|findLast|findLastIndex)\b/g,
  // ES2024
  /\b(Object|Map)\.groupBy\b/g,
  /\b(Promise\.withResolvers|Atomics\.waitAsync)\b/g,
  /\.(isWellFormed|toWellFormed|transfer|transferToFixedLength)\b/g,
  // ES2025 and later. Esbuild writes the flag `v` as an argument of RegExp.
  /\.(union|intersection|difference|symmetricDifference|isSubsetOf|isSupersetOf|isDisjointFrom)\b/g,
  /\.(values|keys|entries)\(\)\.(?!next\b)\w+/g,
  /\b(Iterator\.|Promise\.try|RegExp\.escape|Array\.fromAsync|Error\.isError|Math\.sumPrecise)\b/g,
  /\bnew RegExp\([^)]*,"[a-z]*v[a-z]*"\)/g,
  // The web platform. `randomUUID` exists only on secure origins.
  /\b(AbortSignal\.any|URL\.(canParse|parse)|Symbol\.(asyncDispose|asyncIterator)|randomUUID)\b/g,
];

function newerThanES2022(code: Uint8Array): string[] {
  const text = new TextDecoder().decode(code);
  return NEWER.flatMap((regex) => text.match(regex) ?? []);
}

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * Properties that only objects inside the client have. A bundler may rename them, as terser's and
 * esbuild's `mangleProps` do when given this list: no public option or result, no web API, no JSON on the
 * wire and no message between tabs (whose builds may differ) has a property of such a name.
 */
const PRIVATE = `
  covers onChange state timer wanted isRequired lanes granted isRefused isServed init host
  onBytes onBlock onHello onFrame onRetry onEnd setInterest sendInterest expire serve renew rejoin
  expect check isAlone onTooMany onDetach onSuspend onResume onHint statusListeners onGranted onStolen
  onForbidden release report
  waitS probeMs
`;

async function bundle(
  contents: string,
  { isMangled = true, isForNext = true } = {},
): Promise<{ code: Uint8Array; bytes: number; inputs: string[] }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: root, loader: "ts" },
    absWorkingDir: root,
    bundle: true,
    minify: true,
    ...(isMangled && { mangleProps: new RegExp(`^(${PRIVATE.trim().split(/\s+/).join("|")})$`) }),
    format: "esm",
    target: "es2022",
    external: ["react"],
    // As Next.js writes it into client bundles.
    define: {
      "process.env.__NEXT_ROUTER_BASEPATH": JSON.stringify(""),
      ...(isForNext && { "process.env.NEXT_RUNTIME": JSON.stringify("") }),
    },
    write: false,
    metafile: true,
  });
  const [output] = Object.values(metafile.outputs);
  const inputs = Object.entries(output?.inputs ?? {})
    .filter(([path, { bytesInOutput }]) => bytesInOutput > 0 && path !== "<stdin>")
    .map(([path]) => path);
  const code = (outputFiles[0] as OutputFile).contents;
  return { code, bytes: gzipSync(code, { level: 9 }).length, inputs };
}
