import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { build, type OutputFile } from "esbuild";
import { describe, expect, onTestFinished, test } from "vitest";

import { startBusServer } from "../../test/support/bus-server.ts";
import type { createSseClient } from "./client.ts";

describe("bundled, minified and gzipped, dependencies in and React out,", () => {
  test("createSseClient takes at most 7.1 kB, and 7.3 kB where a bundler keeps all property names", async () => {
    const contents = `export { createSseClient } from "./client/index.ts"`;
    const { bytes } = await bundle(contents);
    expect(bytes).toBeLessThanOrEqual(7_100);
    const unmangled = await bundle(contents, { isMangled: false });
    expect(unmangled.bytes).toBeLessThanOrEqual(7_300);
  });

  test("SseEventSource alone takes at most 2 kB", async () => {
    const { bytes } = await bundle(`export { SseEventSource } from "./client/index.ts"`);
    expect(bytes).toBeLessThanOrEqual(2_000);
  });

  test("both together take at most 8.15 kB", async () => {
    const { bytes } = await bundle(`export * from "./client/index.ts"`);
    expect(bytes).toBeLessThanOrEqual(8_150);
  });

  test("the hooks take at most 1.5 kB more", async () => {
    const client = await bundle(`export { createSseClient } from "./client/index.ts"`);
    const hooks = await bundle(`export * from "./react/index.ts"`);
    expect(hooks.bytes - client.bytes).toBeLessThanOrEqual(1_500);
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
      "core/timers.ts",
    ]);
  });

  test("is only what is imported", async () => {
    const { inputs } = await bundle(`export { SseEventSource } from "./client/index.ts"`);
    expect(inputs).not.toContain("client/multiplexer.ts");
    const client = await bundle(`export { createSseClient } from "./client/index.ts"`);
    expect(client.inputs).not.toContain("client/event-source.ts");
  });
});

test("a client whose private properties are renamed works", async () => {
  const { code } = await bundle(`export { createSseClient } from "./client/index.ts"`);
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
`;

async function bundle(
  contents: string,
  { isMangled = true } = {},
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
    define: { "process.env.__NEXT_ROUTER_BASEPATH": JSON.stringify("") },
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
