import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openStream } from "../support/event-stream.ts";
import { startDev } from "../support/example-app.ts";

test("in development the bus is one across routes and survives an edit of lib/sse-bus.ts", async () => {
  await using app = await startDev();
  const publish = async (msg: string): Promise<void> => {
    const response = await fetch(`${app.url}/api/publish?msg=${msg}`);
    expect(response.status).toBe(200);
  };
  await publish("compile");
  await using stream = await openStream(`${app.url}/api/sse`);
  await stream.next("hello", { timeoutMs: 30_000 });

  const started = performance.now();
  await using second = await openStream(`${app.url}/api/sse`);
  await second.next("hello");
  expect(performance.now() - started, "hello once the route is compiled").toBeLessThan(4000);

  await publish("before");
  expect((await stream.next("message")).json()).toMatchObject({ msg: "before" });

  await appendFile(join(app.folder, "lib/sse-bus.ts"), "\nexport const edited = true;\n");
  const page = join(app.folder, "app/api/publish/route.ts");
  await writeFile(page, `${await readFile(page, "utf8")}\n// edited\n`);
  await publish("after");
  expect((await stream.next("message")).json()).toMatchObject({ msg: "after" });
}, 120_000);
