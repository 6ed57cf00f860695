import { createBus, type Bus } from "sse-bus";
import { createSseClient } from "sse-bus/client";
import { createTestBus, readEvents, waitForStatus } from "sse-bus/testing";
import { beforeEach, expect, test } from "vitest";
import { authorize } from "./authorize.ts";
import { sessions } from "./session.ts";
import { signOut } from "./sign-out.ts";

const adas = { cookie: "session=1" };
const bobs = { cookie: "session=2" };

beforeEach(() => {
  const expiresAt = new Date(Date.now() + 60_000);
  sessions.set(adas.cookie, { userId: "ada", name: "Ada", expiresAt });
  sessions.set(bobs.cookie, { userId: "bob", name: "Bob", expiresAt });
});

function serve(bus: Bus) {
  return createTestBus({ bus, authorize });
}

test("a user reads the news and channels of their own, and nothing of another user", async () => {
  await using bus = createBus();
  await using server = serve(bus);
  const { fetch } = server;
  const url = `${server.url}?channel=news&channel=users/ada/**&channel=users/bob/orders`;

  await using ada = await readEvents(url, { fetch, headers: adas });
  const { channels } = (await ada.next("hello")).json() as { channels: string[] };
  expect(channels.toSorted()).toEqual(["news", "users/ada/**"]);

  const onlyBobs = `${server.url}?channel=users/bob/orders`;
  await expect(readEvents(onlyBobs, { fetch, headers: adas })).rejects.toThrow("403");
  await expect(readEvents(onlyBobs, { fetch })).rejects.toThrow("401");
});

test("a user who signs out loses open streams, cannot reconnect, and others stay", async () => {
  await using bus = createBus();
  await using server = serve(bus);
  const { fetch } = server;
  const url = `${server.url}?channel=news`;
  await using ada = await readEvents(url, { fetch, headers: adas });
  await using bob = await readEvents(url, { fetch, headers: bobs });

  await signOut(bus, "ada");
  await bus.publish("after", { channel: "news" });

  expect((await ada.next("bye")).json()).toMatchObject({ reason: "revoked", code: "SIGNED_OUT" });
  expect((await bob.next("message")).json()).toBe("after");
  await expect(readEvents(url, { fetch, headers: adas })).rejects.toThrow("401");
});

test("the client of a user who has signed out is failed", async () => {
  await using bus = createBus();
  await using server = serve(bus);
  using client = createSseClient({ url: server.url, fetch: server.fetch, headers: adas });
  client.subscribe("news", () => {});
  await waitForStatus(client, "open");
  await signOut(bus, "ada");
  const { error } = await waitForStatus(client, "failed");
  expect(error?.code).toBe("STREAM_REFUSED");
});
