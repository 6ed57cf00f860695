import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openStream } from "../support/event-stream.ts";
import { startDemo } from "../support/demo-app.ts";
import type { NextServer } from "../support/next-server.ts";
import { runProcess } from "../support/processes.ts";
import { useRedis } from "../support/redis.ts";
import { repository } from "../support/repository.ts";
import type { ServerUrl } from "../support/server-url.ts";
import { tempFolder } from "../support/temp-folder.ts";

const TOKEN = "s3cret";

let redis: ServerUrl;
let app: NextServer;

beforeAll(async () => {
  redis = await useRedis();
  app = await startDemo({ env: { SSE_BUS_URL: redis.url, SSE_BUS_PUBLISH_TOKEN: TOKEN } });
});
afterAll(async () => {
  await app?.[Symbol.asyncDispose]();
  await redis?.[Symbol.asyncDispose]();
});

test.each([
  ["js", 17, process.execPath, [{ done: true }]],
  ["sh", 18, "bash", [{ done: true }]],
  ["python", 19, "python3", [{ done: true }]],
  ["bash", 20, "bash", [{ step: 1 }, { step: 2 }]],
] as const)(
  "the %s snippet of docs/publishing.md publishes on jobs/%i",
  async (language, job, program, published) => {
    await using stream = await openStream(`${app.url}/api/sse?channel=jobs/${job}`);
    await stream.next("hello");
    const code = await snippet(language);
    // Next to the package, so that `import "sse-bus"` resolves as in an app.
    await using folder = await tempFolder("recipe", join(repository, "apps/demo"));
    const file = join(folder.path, language === "js" ? "worker.mjs" : "recipe");
    await writeFile(file, code);
    await runProcess(program, [file], {
      env: { ORIGIN: app.url, SSE_BUS_PUBLISH_TOKEN: TOKEN, SSE_BUS_URL: redis.url },
      timeoutMs: 20_000,
    });
    for (const data of published) {
      expect((await stream.next("message")).json()).toEqual(data);
    }
  },
  60_000,
);

async function snippet(language: string): Promise<string> {
  const page = await readFile(join(repository, "docs/publishing.md"), "utf8");
  const match = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(page);
  if (!match) throw new Error(`docs/publishing.md has no ${language} snippet`);
  return match[1] as string;
}
