import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { packPackage } from "../support/pack-package.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";
import { addRow } from "./add-row.ts";
import { type Combination, combinations, nameOf } from "./combinations.ts";
import { type FreshApp, freshApp } from "./fresh-app.ts";
import { useApp } from "./use-app.ts";

let temp: TempFolder;
let tarball: string;
let browser: Browser;

beforeAll(async () => {
  temp = await tempFolder("matrix");
  [tarball, browser] = await Promise.all([packPackage(temp.path), launchChromium()]);
});

afterAll(async () => {
  await browser?.close();
  await temp?.[Symbol.asyncDispose]();
});

const installation = ({ next, react }: Combination): string => `Next.js ${next}, React ${react}`;

describe.each([...new Set(combinations.map(installation))])("a new app with %s", (name) => {
  let app: FreshApp | undefined;
  afterAll(async () => app?.[Symbol.asyncDispose]());

  const own = combinations.filter((each) => installation(each) === name);
  test.each(own.map((combination) => [nameOf(combination), combination] as const))(
    "%s: after `sse-bus init` its pages show a message",
    async (_, combination) => {
      const previous = app;
      app = await freshApp(combination, { tarball, previous });
      await previous?.[Symbol.asyncDispose]();
      const buildMs = combination.server === "dev" ? undefined : await app.build();
      const start = performance.now();
      await using server = await app.serve();
      const startMs = performance.now() - start;
      const used = await useApp(`${server.url}${combination.basePath ?? ""}`, {
        combination,
        browser,
      });
      // A server that waits for its open streams is killed.
      expect((await server.process.stop()).signal).not.toBe("SIGKILL");
      await addRow({ combination, buildMs, startMs, ...used });
    },
    900_000,
  );
});
