import { createSseClient } from "sse-bus/client";
import { createTestBus, waitForStatus } from "sse-bus/testing";
import { expect, test, vi } from "vitest";

test("an order that changes during a disconnect is correct after the reconnect", async () => {
  await using server = createTestBus();
  using client = createSseClient({
    url: server.url,
    fetch: server.fetch,
    backoff: { baseMs: 1 }, // reconnects at once
  });
  const seen: unknown[] = [];
  client.subscribe("orders/42", (status) => seen.push(status));
  await waitForStatus(client, "open");

  server.cut();
  await waitForStatus(client, "reconnecting");
  await server.bus.publish("shipped", { channel: "orders/42" });
  await waitForStatus(client, "open");
  await vi.waitFor(() => expect(seen).toEqual(["shipped"]));
});
