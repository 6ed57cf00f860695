import { createServer } from "node:http";
import { readdir, readFile } from "node:fs/promises";
import { once } from "node:events";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { launchChromium } from "../support/chromium.ts";
import { publish } from "../support/http-api.ts";
import { openStream } from "../support/event-stream.ts";
import type { NextServer } from "../support/next-server.ts";
import { type PackedApp, packedApp } from "../support/packed-app.ts";
import { nodeProgram } from "../support/runtimes.ts";

// As after an installation from npm: no workspace, no links, and no optional peers.

const newestNode = nodeProgram(26);

/** Each app is built with one bundler. In a long run, each is built with both. */
const isLong = process.env["SSE_BUS_LONG_TESTS"] !== undefined;
const bundlersOf = {
  minimal: isLong ? (["turbopack", "webpack"] as const) : (["webpack"] as const),
  basePath: isLong ? (["turbopack", "webpack"] as const) : (["turbopack"] as const),
};

let app: PackedApp;
let browser: Browser;

beforeAll(async () => {
  [app, browser] = await Promise.all([packedApp(), launchChromium()]);
}, 500_000);

afterAll(async () => {
  await browser?.close();
  await app?.[Symbol.asyncDispose]();
});

test("only the package, its dependencies, Next.js and React are installed", async () => {
  const folders = await readdir(join(app.folder, "node_modules"));
  const optional = ["@nats-io", "ioredis", "jose", "pg", "postgres", "prom-client", "redis"];
  expect(folders.filter((name) => optional.includes(name))).toEqual([]);
  const packed = await readdir(join(app.folder, "node_modules/sse-bus"));
  expect(packed.toSorted()).toEqual(["LICENSE", "README.md", "dist", "package.json", "src"]);
});

describe.each(bundlersOf.minimal)("the minimal example, unchanged, built with %s", (bundler) => {
  beforeAll(async () => {
    expectQuiet(await app.build(bundler, { node: newestNode }));
  }, 500_000);

  test("delivers a message on the newest Node.js", async () => {
    await using server = await app.serve("start", { node: newestNode });
    await expectDelivery(server);
  }, 120_000);

  test("delivers a message here; its page shows one, and reopens the stream after a proxy's error page", async () => {
    await using server = await app.serve("start");
    await expectDelivery(server);
    await using page = await browser.newPage();
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
    // The history in memory is lost with the process, which is reported.
    await log.getByText("gap", { exact: false }).waitFor();
    await publish(server.url, { data: "second" });
    await log.getByText("second", { exact: false }).waitFor();
  }, 120_000);
});

describe("with a basePath, a page that passes a cursor to a hook, and middleware on the edge,", () => {
  beforeAll(async () => {
    await app.write(files);
  });

  test.each(bundlersOf.basePath)(
    "built with %s, the hook connects below the basePath without an option",
    async (bundler) => {
      expectQuiet(await app.build(bundler));
      await using server = await app.serve("start");
      await using page = await browser.newPage();
      await page.goto(`${server.url}/shop/orders`);
      await page.getByText("open: new").waitFor();
      const published = await fetch(`${server.url}/shop/api/publish?channel=orders/42&msg=shipped`);
      expect(published.status).toBe(200);
      await page.getByText("open: shipped").waitFor();
      expect((await fetch(`${server.url}/shop/guarded`)).status).toBe(418);

      await expectLiveValue(server.url);
      const chunks = join(app.folder, ".next/static/chunks");
      for (const name of await readdir(chunks, { recursive: true })) {
        if (!name.endsWith(".js")) continue;
        const code = await readFile(join(chunks, name), "utf8");
        expect(code, name).not.toContain(ONLY_IN_THE_ENGINE);
        expect(code, name).not.toContain("/docs/errors/");
      }
    },
    500_000,
  );

  if (isLong) {
    test("served by `next dev`, a live value continues in the page", async () => {
      await using server = await app.serve("dev");
      // `next dev` blocks other hosts.
      await expectLiveValue(server.url.replace("127.0.0.1", "localhost"));
    }, 500_000);
  }
});

/** Text of the engine's code, in every build. */
const ONLY_IN_THE_ENGINE = "sse-bus.shared";

/** The same file is part of the server's and of the page's bundles. */
async function expectLiveValue(url: string): Promise<void> {
  const total = async (amount: number): Promise<void> => {
    const published = await fetch(`${url}/shop/api/publish?channel=sales&msg=${amount}`);
    expect(published.status).toBe(200);
  };
  await total(1);
  await using page = await browser.newPage();
  const errors: unknown[] = [];
  page.on("pageerror", (error) => errors.push(error));
  await page.goto(`${url}/shop/sales`);
  await page.getByText("open: 1").waitFor();
  await total(2);
  await page.getByText("open: 3").waitFor();
  expect(errors).toEqual([]);
}

async function expectDelivery(server: NextServer): Promise<void> {
  await using stream = await openStream(`${server.url}/api/sse`);
  await stream.next("hello");
  await publish(server.url, { data: "Hello" });
  expect((await stream.next("message")).json()).toBe("Hello");
}

/** Expects no warning of a module that is missing or cannot be analysed. */
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
  "lib/sales.ts": `
    import { defineLive } from "sse-bus";

    export const sales = defineLive({
      channel: "sales",
      initial: 0,
      reduce: (sum, sale: { msg: string }) => sum + Number(sale.msg),
    });
  `,
  "app/sales/page.tsx": `
    import { connection } from "next/server";
    import { bus } from "../../lib/sse-bus";
    import { sales } from "../../lib/sales";
    import { Total } from "./total";

    export default async function Page() {
      await connection();
      return <Total snapshot={await sales.read(bus)} />;
    }
  `,
  "app/sales/total.tsx": `
    "use client";
    import type { LiveSnapshot } from "sse-bus";
    import { useLive } from "sse-bus/react";
    import { sales } from "../../lib/sales";

    export function Total({ snapshot }: { snapshot: LiveSnapshot<number> }) {
      const { status, data } = useLive(sales, snapshot);
      return <p>{\`\${status}: \${data}\`}</p>;
    }
  `,
};
