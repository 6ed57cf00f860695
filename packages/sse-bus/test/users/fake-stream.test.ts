import { createSseClient } from "sse-bus/client";
import { createFakeStream, waitForStatus } from "sse-bus/testing";
import { expect, test } from "vitest";

test("a gap is shown, and a refusal is final", async () => {
  using stream = createFakeStream();
  using client = createSseClient({
    url: stream.url,
    fetch: stream.fetch,
    backoff: { baseMs: 1 },
    onError: () => {},
  });
  const seen: unknown[] = [];
  client.subscribe("orders/42", (order) => seen.push(order), {
    onGap: () => seen.push("load it again"),
  });

  const { headers } = await stream.hello(); // opens the stream of the next request
  expect(headers.get("accept")).toContain("text/event-stream");
  await stream.message({ total: 42 }, { channel: "orders/42" }); // the subscriber has been called
  await stream.gap();
  expect(seen).toEqual([{ total: 42 }, "load it again"]);

  stream.cut();
  await stream.refuse(403, { code: "FORBIDDEN" });
  const { error } = await waitForStatus(client, "failed");
  expect(error?.code).toBe("STREAM_REFUSED");
});
