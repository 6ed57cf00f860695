import { request } from "node:http";
import { expect, test } from "vitest";
import type { Restartable } from "../support/restartable.ts";
import { waitFor } from "../support/wait-for.ts";
import { hubHealth, startHub } from "./hub-process.ts";

function workersOf(hub: Restartable): number[] {
  return [...hub.process.output().matchAll(/"worker-listening".*?"pid":(\d+)/g)].map(([, pid]) =>
    Number(pid),
  );
}

test("a replacement that ends soon after its start is replaced too", async () => {
  await using hub = await startHub({ args: ["--workers", "2"] });
  for (let started = 2; started < 5; started++) {
    const newest = workersOf(hub).at(-1) as number;
    process.kill(newest, "SIGKILL");
    await waitFor("a replacement", () => workersOf(hub).length > started);
  }
  await waitFor("two workers", async () => (await hubHealth(hub)).workers === 2);
  hub.process.signal("SIGTERM");
  expect((await hub.process.exited).code).toBe(0);
});

test("every connection is answered or closed while workers are killed", async () => {
  await using hub = await startHub({ args: ["--workers", "2"] });
  let isRunning = true;
  const ask = async (): Promise<boolean> =>
    new Promise((resolve) => {
      const asking = request(`${hub.url}/health`, { agent: false, timeout: 8000 }, (response) => {
        response.resume().once("close", () => resolve(true));
      });
      asking.once("timeout", () => {
        resolve(false);
        asking.destroy();
      });
      asking.once("error", () => resolve(true));
      asking.end();
    });
  const clients = Array.from({ length: 8 }, async () => {
    const ended = [];
    while (isRunning) ended.push(await ask());
    return ended;
  });
  for (let started = 2; started < 6; started++) {
    process.kill(workersOf(hub).at(-1) as number, "SIGKILL");
    await waitFor("a replacement", () => workersOf(hub).length > started);
  }
  isRunning = false;
  const ended = (await Promise.all(clients)).flat();
  expect(ended.filter((isEnded) => !isEnded)).toHaveLength(0);
});
