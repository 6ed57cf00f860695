import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { type PackedApp, packedApp } from "../support/packed-app.ts";

let app: PackedApp;

beforeAll(async () => {
  app = await packedApp();
}, 240_000);

afterAll(async () => app?.[Symbol.asyncDispose]());

const page = (body: string): string => `
  import { Suspense } from "react";
  import { connection } from "next/server";
  import { bus } from "../../lib/sse-bus";

  async function Orders() {
    ${body}
    return <p>{await bus.cursor()}</p>;
  }

  export default function Page() {
    return <Suspense><Orders /></Suspense>;
  }
`;

describe.each([false, true])("with cacheComponents: %s", (cacheComponents) => {
  beforeAll(async () => {
    await app.write({
      "next.config.mjs": `export default { cacheComponents: ${cacheComponents} };`,
    });
  });

  test("a prerendered page with a cursor fails the build with the reason", async () => {
    await app.write({ "app/orders/page.tsx": page("") });
    await expect(app.build("turbopack")).rejects.toThrow(/CURSOR_AT_BUILD/);
  }, 300_000);

  test("with `await connection()` it builds, and each visit has the current cursor", async () => {
    await app.write({ "app/orders/page.tsx": page("await connection();") });
    await app.build("turbopack");
    await using server = await app.serve("start");
    const cursor = async () => {
      const response = await fetch(`${server.url}/orders`);
      return /\d+-[0-9a-z]+-[0-9a-z]+/.exec(await response.text())?.[0];
    };
    const first = await cursor();
    expect(first).toMatch(/^0-/);
    await fetch(`${server.url}/api/publish?msg=1`);
    expect(await cursor()).toMatch(/^1-/);
  }, 300_000);
});

test.each(["turbopack", "webpack"] as const)(
  "a route on the edge runtime fails the build of %s with the reason",
  async (bundler) => {
    await app.write({
      "next.config.mjs": "export default {};",
      "app/orders/page.tsx": page("await connection();"),
      "app/edge/route.ts": `
        import { createSseRoute } from "sse-bus/next";
        import { sharedBus } from "sse-bus";

        export const runtime = "edge";
        export const { GET } = createSseRoute({ bus: sharedBus() });
      `,
    });
    await expect(app.build(bundler)).rejects.toThrow(/createSseRoute.*Node\.js runtime only/);
  },
  300_000,
);
