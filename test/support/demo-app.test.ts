import { expect, test } from "vitest";

import { publish } from "./http-api.ts";
import { startDemo } from "./demo-app.ts";

test("the production app serves, keeps its port over a kill, and has the test's environment", async () => {
  await using app = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
  const { id } = await publish(app.url, { data: "open, as the environment says" });
  await app.kill();
  await expect(fetch(app.url)).rejects.toThrow("fetch failed");
  await app.start();
  expect((await publish(app.url, { data: "in a new process" })).id).not.toBe(id);
});
