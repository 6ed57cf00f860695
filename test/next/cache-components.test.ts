import { expect, test } from "vitest";
import { openStream } from "../support/event-stream.ts";
import { builtVariant } from "../support/variant.ts";

test("the routes build and run with Cache Components on, and open nothing at build time", async () => {
  const variant = await builtVariant();
  expect(variant.buildOutput).toMatch(/ƒ \/api\/sse/);
  await using app = await variant.start({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
  await using stream = await openStream(`${app.url}/api/sse`);
  await stream.next("hello");
  await fetch(`${app.url}/api/publish?msg=HelloWorld`);
  expect((await stream.next("message")).json()).toMatchObject({ msg: "HelloWorld" });
  const health = await fetch(`${app.url}/api/health`);
  expect(await health.json()).toMatchObject({ status: "ok", connections: 1 });
}, 240_000);
