import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createBus } from "../core/bus.ts";
import { createSseHandler } from "./handlers.ts";

test.each([
  ["channel=a", "channel=b"],
  ["channel=a&wait=60", "channel=b"],
  ["channel=a", "channel=b&wait=60"],
  ["channel=a&wait=60", "channel=b&wait=60"],
])(
  "the streams of a client that sent %s and %s at once end with its connection",
  async (...queries) => {
    await using bus = createBus();
    const server = createServer(createSseHandler({ bus }));
    onTestFinished(() => server.close().closeAllConnections());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
    const accept = "Accept: text/event-stream";
    for (const query of queries) {
      client.write(`GET /?${query} HTTP/1.1\r\nHost: localhost\r\n${accept}\r\n\r\n`);
    }
    await expect.poll(() => bus.stats().connections).toBe(2);
    client.destroy();
    await expect.poll(() => bus.stats().connections).toBe(0);
  },
);

test("a request that was sent behind another one is answered after it, and the signal of its `authorize` aborts when the client leaves", async () => {
  await using bus = createBus();
  const signals: AbortSignal[] = [];
  const server = createServer(
    createSseHandler({
      bus,
      authorize({ request }) {
        signals.push(request.signal);
        return true;
      },
    }),
  );
  onTestFinished(() => server.close().closeAllConnections());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  let text = "";
  client.on("data", (bytes: Buffer) => (text += bytes.toString()));
  for (const query of ["channel=a&wait=60", "channel=b"]) {
    client.write(`GET /?${query} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  }
  await expect.poll(() => bus.stats().connections).toBe(2);
  await bus.publish(1, { channel: "a" });
  await expect.poll(() => text.split("event: hello").length).toBe(3);
  await bus.publish("second", { channel: "b" });
  await expect.poll(() => text).toContain("second");
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
  client.destroy();
  await expect.poll(() => signals.map(({ aborted }) => aborted)).toEqual([true, true]);
});
