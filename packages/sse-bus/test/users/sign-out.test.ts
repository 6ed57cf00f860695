import { createBus } from "sse-bus";
import { createSseClient } from "sse-bus/client";
import { createTestBus, readEvents, waitForStatus } from "sse-bus/testing";
import { expect, test } from "vitest";
import { authorizeBy, type Sessions, signOut } from "./sign-out.ts";

function createSessions(): Sessions {
  const users = new Map([
    ["session=1", { userId: "ada", name: "Ada" }],
    ["session=2", { userId: "bob", name: "Bob" }],
  ]);
  return {
    read: async (cookie) => users.get(cookie ?? ""),
    async deleteAll(userId) {
      for (const [cookie, user] of users) if (user.userId === userId) users.delete(cookie);
    },
  };
}

test("a user who signs out loses open streams, cannot reconnect, and others stay", async () => {
  const sessions = createSessions();
  await using bus = createBus();
  await using server = createTestBus({ bus, authorize: authorizeBy(sessions) });
  const { fetch, url } = server;
  await using ada = await readEvents(url, { fetch, headers: { cookie: "session=1" } });
  await using bob = await readEvents(url, { fetch, headers: { cookie: "session=2" } });

  await signOut(bus, sessions, "ada");
  await bus.publish("after");

  expect((await ada.next("bye")).json()).toMatchObject({ reason: "revoked", code: "SIGNED_OUT" });
  expect((await bob.next("message")).json()).toBe("after");
  const again = readEvents(url, { fetch, headers: { cookie: "session=1" } });
  await expect(again).rejects.toThrow("401");
});

test("the client of a user who has signed out is failed", async () => {
  const sessions = createSessions();
  await using bus = createBus();
  await using server = createTestBus({ bus, authorize: authorizeBy(sessions) });
  using client = createSseClient({
    url: server.url,
    fetch: server.fetch,
    headers: { cookie: "session=1" },
  });
  client.subscribe("default", () => {});
  await waitForStatus(client, "open");
  await signOut(bus, sessions, "ada");
  const { error } = await waitForStatus(client, "failed");
  expect(error?.code).toBe("STREAM_REFUSED");
});
