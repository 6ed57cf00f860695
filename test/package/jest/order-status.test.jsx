import { render, screen } from "@testing-library/react";
import { SseProvider, useChannel } from "sse-bus/react";
import { createTestBus } from "sse-bus/testing";

function OrderStatus() {
  const { status, data } = useChannel("orders/42", { initial: "new" });
  return <p>{`${status}: ${data}`}</p>;
}

test("shows published messages", async () => {
  const server = createTestBus();
  render(
    <SseProvider url={server.url} fetch={server.fetch}>
      <OrderStatus />
    </SseProvider>,
  );
  await screen.findByText("open: new");
  await server.bus.publish("shipped", { channel: "orders/42" });
  await screen.findByText("open: shipped");
  await server.close();
});
