import { expect, test } from "vitest";
import { openStream } from "../support/event-stream.ts";
import { builtTestApp } from "../support/test-app.ts";

test("the routes build and run with Cache Components, and open nothing at build time", async () => {
  const testApp = await builtTestApp();
  expect(testApp.buildOutput).toMatch(/ƒ \/api\/sse/);
  await using app = await testApp.start({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
  await using stream = await openStream(`${app.url}/api/sse`);
  await stream.next("hello");
  await fetch(`${app.url}/api/publish?msg=HelloWorld`);
  expect((await stream.next("message")).json()).toMatchObject({ msg: "HelloWorld" });
  const health = await fetch(`${app.url}/api/health`);
  expect(await health.json()).toMatchObject({ status: "ok", connections: 1 });
}, 500_000);
