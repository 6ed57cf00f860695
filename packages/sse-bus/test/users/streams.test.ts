import { setTimeout as sleep } from "node:timers/promises";
import { createBus } from "sse-bus";
import { createStreams } from "sse-bus/streams";
import { expect, test } from "vitest";

test("an answer is read to its end after a reload, and stopped on purpose only", async () => {
  await using bus = createBus();
  const streams = createStreams({ bus });

  async function* answer({ signal }: { signal: AbortSignal }) {
    for (const word of ["It ", "depends ", "on ", "the ", "log."]) {
      if (signal.aborted) return;
      yield word; // in an application: what a model gives
      await sleep(5);
    }
  }

  const body = await streams.start("answer-1", answer);
  await body.cancel(); // the page is closed

  const again = await streams.resume("answer-1"); // the page is open again
  expect(await new Response(again).text()).toBe("It depends on the log.");

  await streams.start("answer-2", answer);
  expect(await streams.stop("answer-2")).toBe(true);
  expect(await streams.status("answer-2")).toMatchObject({ state: "stopped" });
  expect(await streams.resume("answer-3")).toBeNull();
});
