import { createServer } from "node:http";
import { cp, readdir, readFile } from "node:fs/promises";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { launchChromium } from "../support/chromium.ts";
import { publish } from "../support/http-api.ts";
import { openStream } from "../support/event-stream.ts";
import type { NextServer } from "../support/next-server.ts";
import { repository } from "../support/repository.ts";
import { type PackedApp, packedApp } from "../support/packed-app.ts";
import { nodeProgram } from "../support/runtimes.ts";

// As somebody has it who installs the package: no workspace, no links, and none of the optional peers.

const newestNode = nodeProgram(26);
const nodes = [process.execPath, newestNode];
let app: PackedApp;

beforeAll(async () => {
  app = await packedApp();
}, 240_000);

afterAll(async () => app?.[Symbol.asyncDispose]());

test("only the package, its dependencies, Next.js and React are installed", async () => {
  const folders = await readdir(join(app.folder, "node_modules"));
  const optional = ["@nats-io", "ioredis", "jose", "pg", "postgres", "prom-client", "redis"];
  expect(folders.filter((name) => optional.includes(name))).toEqual([]);
  const packed = await readdir(join(app.folder, "node_modules/sse-bus"));
  expect(packed.toSorted()).toEqual(["LICENSE", "dist", "package.json", "src"]);
});

describe("the minimal example, as it is", () => {
  beforeAll(async () => {
    expectQuiet(await app.build("turbopack", { node: newestNode }));
  }, 300_000);

  test.each(nodes)(
    "built with Turbopack, it delivers a message (%s)",
    async (node) => {
      await using server = await app.serve("start", { node });
      await expectDelivery(server);
    },
    120_000,
  );

  test("its page shows the message, and reopens the stream after a proxy's error page", async () => {
    await using server = await app.serve("start");
    await using browser = await launchChromium();
    const page = await browser.newPage();
    await page.goto(server.url);
    const log = page.getByRole("log");
    await log.getByText("hello", { exact: false }).waitFor();
    await publish(server.url, { data: "first" });
    await log.getByText("first", { exact: false }).waitFor();

    await server.stop();
    const { port } = new URL(server.url);
    const proxy = createServer((_, response) => response.writeHead(502).end()).listen(Number(port));
    await once(proxy, "request");
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
    await server.start();
    await expect.poll(async () => (await log.textContent())?.match(/hello/g)?.length).toBe(2);
    // The history in memory went with the process, which is reported.
    await log.getByText("gap", { exact: false }).waitFor();
    await publish(server.url, { data: "second" });
    await log.getByText("second", { exact: false }).waitFor();
  }, 120_000);
});

describe("with a basePath, a page that hands a cursor to a hook, and middleware on the edge,", () => {
  beforeAll(async () => {
    await app.write(files);
  });

  test.each(["turbopack", "webpack"] as const)(
    "built with %s, the hook connects below the basePath without an option",
    async (bundler) => {
      expectQuiet(await app.build(bundler));
      await using server = await app.serve("start");
      await using browser = await launchChromium();
      const page = await browser.newPage();
      await page.goto(`${server.url}/shop/orders`);
      await page.getByText("open: new").waitFor();
      const published = await fetch(`${server.url}/shop/api/publish?channel=orders/42&msg=shipped`);
      expect(published.status).toBe(200);
      await page.getByText("open: shipped").waitFor();
      expect((await fetch(`${server.url}/shop/guarded`)).status).toBe(418);
    },
    300_000,
  );

  test("built with webpack, it delivers a message on the newest Node.js", async () => {
    await using server = await app.serve("start", { node: newestNode });
    await using stream = await openStream(`${server.url}/shop/api/sse`);
    await stream.next("hello");
    await fetch(`${server.url}/shop/api/publish?msg=Hello`);
    expect((await stream.next("message")).json()).toMatchObject({ msg: "Hello" });
  }, 120_000);
});

test("its components are tested with Jest as docs/testing.md says", async () => {
  const fixtures = join(repository, "test/package/jest");
  await cp(fixtures, app.folder, { recursive: true });
  const page = await readFile(join(repository, "docs/testing.md"), "utf8");
  const packages = /npm install --save-dev (jest .*)/.exec(page)?.[1]?.split(" ") ?? [];
  await app.install(...packages);
  expect(await app.run("jest/bin/jest.js")).toMatch(/Tests: +1 passed, 1 total/);
}, 240_000);

async function expectDelivery(server: NextServer): Promise<void> {
  await using stream = await openStream(`${server.url}/api/sse`);
  await stream.next("hello");
  await publish(server.url, { data: "Hello" });
  expect((await stream.next("message")).json()).toBe("Hello");
}

/** No warning of a module that is missing or cannot be analysed. */
function expectQuiet(output: string): void {
  expect(output).not.toMatch(/Module not found|Can't resolve|Critical dependency|with warnings/);
}

const files = {
  "next.config.mjs": `export default { basePath: "/shop" };\n`,
  "middleware.ts": `
    export const config = { matcher: "/guarded" };
    export function middleware() {
      return new Response("short and stout", { status: 418 });
    }
  `,
  "app/orders/page.tsx": `
    import { connection } from "next/server";
    import { bus } from "../../lib/sse-bus";
    import { Status } from "./status";

    export default async function Page() {
      await connection();
      return <Status cursor={await bus.cursor()} />;
    }
  `,
  "app/orders/status.tsx": `
    "use client";
    import { useChannel } from "sse-bus/react";

    export function Status({ cursor }: { cursor: string }) {
      const { status, data } = useChannel("orders/42", {
        cursor,
        initial: "new",
        select: (order: { msg: string }) => order.msg,
      });
      return <p>{\`\${status}: \${data}\`}</p>;
    }
  `,
};
