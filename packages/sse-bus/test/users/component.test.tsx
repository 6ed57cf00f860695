// @vitest-environment happy-dom
import { act } from "react";
import { createRoot } from "react-dom/client";
import { SseProvider, useChannel } from "sse-bus/react";
import { createTestBus } from "sse-bus/testing";
import { expect, test, vi } from "vitest";

function OrderStatus() {
  const { status, data } = useChannel("orders/42", { initial: "new" });
  return <p data-live={status === "open"}>{data}</p>;
}

test("shows published messages", async () => {
  (globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;
  await using server = createTestBus();
  const place = document.createElement("div");
  const root = createRoot(place);
  await act(async () =>
    root.render(
      <SseProvider url={server.url} fetch={server.fetch}>
        <OrderStatus />
      </SseProvider>,
    ),
  );
  const shows = (html: string) =>
    vi.waitFor(async () => {
      await act(async () => new Promise((resolve) => setTimeout(resolve, 5)));
      expect(place.innerHTML).toBe(html);
    });

  await shows('<p data-live="true">new</p>');
  await server.bus.publish("shipped", { channel: "orders/42" });
  await shows('<p data-live="true">shipped</p>');
  await act(async () => root.unmount());
});
