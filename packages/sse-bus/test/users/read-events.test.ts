import { createBus } from "sse-bus";
import { createTestBus, readEvents } from "sse-bus/testing";
import { expect, test } from "vitest";

test("one user does not see another's orders", async () => {
  await using bus = createBus();
  await using server = createTestBus({
    bus,
    authorize: ({ request, channels }) => {
      const user = request.headers.get("x-user");
      return channels.every((channel) => channel.startsWith(`users/${user}/`));
    },
  });
  const { fetch, url } = server;
  const headers = { "x-user": "ada" };

  await using events = await readEvents(`${url}?channel=users/ada/**`, { fetch, headers });
  await bus.publish({ total: 42 }, { channel: "users/ada/orders" });
  expect((await events.next("message")).json()).toEqual({ total: 42 });

  const other = readEvents(`${url}?channel=users/eve/**`, { fetch, headers });
  await expect(other).rejects.toThrow("403");
});
