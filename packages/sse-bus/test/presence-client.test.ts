import { afterEach, describe, expect, test, vi } from "vitest";

import { createClient } from "../src/client/client.ts";
import type { SseClient, SseClientOptions } from "../src/client/client-types.ts";
import { createPresence } from "../src/client/presence.ts";
import type { PresenceHandle } from "../src/client/presence-types.ts";
import { createBus } from "../src/core/bus.ts";
import type { Bus } from "../src/core/bus-types.ts";
import { createHub } from "../src/hub/create-hub.ts";
import type { HubOptions } from "../src/hub/hub-options.ts";
import { startBusServer } from "./support/bus-server.ts";
import { startBrowser, type Tab } from "./support/tabs.ts";

// The client against real servers with presence: hubs on sockets.

const WAIT = { timeout: 8_000, interval: 5 };
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

describe("presence in a page", () => {
  test("shows members that join, update their state and leave", async () => {
    const hub = await startHub();
    const ann = hub.page("ann");
    const annsRoom = ann.enter("rooms/1");
    await shows(annsRoom, "ann");
    const bob = hub.page("bob");
    const bobsRoom = bob.enter("rooms/1");
    await shows(annsRoom, "ann,bob");
    await shows(bobsRoom, "ann,bob");
    expect(annsRoom.getView().self).toMatchObject({ id: "ann", info: { name: "ANN" }, count: 1 });
    expect(bobsRoom.getView().self?.id).toBe("bob");
    bobsRoom.setState({ typing: true });
    await vi.waitFor(
      () => expect(memberOf(annsRoom, "bob")?.state).toEqual({ typing: true }),
      WAIT,
    );
    bobsRoom.setState(null);
    await vi.waitFor(() => expect(memberOf(annsRoom, "bob")?.state).toBeUndefined(), WAIT);
    bob.client.close();
    await shows(annsRoom, "ann");
    expect(hub.errors).toEqual([]);
  });

  test("keeps the members and the state over a lost connection", async () => {
    const hub = await startHub({ presence: { graceMs: 3_000 } });
    const ann = hub.page("ann");
    const annsRoom = ann.enter("c");
    const bob = hub.page("bob");
    const bobsRoom = bob.enter("c");
    await shows(annsRoom, "ann,bob");
    bobsRoom.setState("here");
    await vi.waitFor(() => expect(memberOf(annsRoom, "bob")?.state).toBe("here"), WAIT);
    const left: string[] = [];
    annsRoom.subscribe(() => {
      if (!ids(annsRoom).includes("bob")) left.push(ids(annsRoom));
    });
    bob.client.reconnect();
    await vi.waitFor(() => expect(bob.requests()).toBe(3), WAIT);
    await hub.bus.publish("marker", { channel: "c" });
    await vi.waitFor(() => expect(memberOf(annsRoom, "bob")?.state).toBe("here"), WAIT);
    expect(left).toEqual([]);
  });

  test("never shows an empty list while the only instance restarts", async () => {
    const server = startBusServer({
      presence: { graceMs: 50 },
      authorize: () => ({ identity: { id: "ann" } }),
    });
    closing.push(() => server[Symbol.asyncDispose]());
    const { url, fetch } = server;
    const client = createClient({ url, fetch, backoff: { baseMs: 5, maxMs: 20 } }, {});
    closing.push(() => client.close());
    const room = createPresence(client, "c");
    const shown: string[] = [];
    room.subscribe(() => shown.push(`${room.getView().status} ${ids(room)}`));
    await shows(room, "ann");
    const before = shown.length;
    await server.restart();
    await vi.waitFor(() => expect(shown.slice(before)).toContain("reconnecting ann"), WAIT);
    await shows(room, "ann");
    // The set of the new instance has arrived before this event.
    await server.bus.publish("marker", { channel: "c" });
    await new Promise((resolve) => client.subscribe("c", resolve, { cursor: "latest" }));
    expect(shown.slice(before).filter((text) => !text.endsWith("ann"))).toEqual([]);
  });

  test("is failed and shows nobody once its access is revoked, and the others see it go", async () => {
    const hub = await startHub();
    const annsRoom = hub.page("ann").enter("c");
    const bobsRoom = hub.page("bob").enter("c");
    await shows(annsRoom, "ann,bob");
    await hub.bus.disconnect({ identity: "bob" });
    await vi.waitFor(() => expect(bobsRoom.getView().status).toBe("failed"), WAIT);
    expect(bobsRoom.getView().members).toEqual([]);
    await shows(annsRoom, "ann");
  });

  test("is failed alone where the route has no presence of the channel", async () => {
    const hub = await startHub({ presence: { graceMs: 50, channels: ["rooms/*"] } });
    const ann = hub.page("ann");
    const data: unknown[] = [];
    ann.client.subscribe("other", (value: unknown) => data.push(value));
    const room = ann.enter("other");
    await vi.waitFor(() => expect(room.getView().status).toBe("failed"), WAIT);
    expect(room.getView().error?.cause).toMatchObject({ code: "PRESENCE_OFF" });
    await vi.waitFor(() => expect(ann.client.status).toBe("open"), WAIT);
    await hub.bus.publish(1, { channel: "other" });
    await vi.waitFor(() => expect(data).toEqual([1]), WAIT);
    await shows(ann.enter("rooms/1"), "ann");
  });

  test("of a stream without an identity shows the members, and is none", async () => {
    const hub = await startHub();
    const annsRoom = hub.page("ann").enter("c");
    await shows(annsRoom, "ann");
    const guest = hub.page(undefined);
    const guestsRoom = guest.enter("c");
    await shows(guestsRoom, "ann");
    expect(guestsRoom.getView().self).toBeUndefined();
  });

  test("of several tabs is one member with one stream, whose states come from any tab", async () => {
    const hub = await startHub();
    const browser = startBrowser();
    const options = { identity: "ann" };
    const one = hub.page("ann", { options, tab: browser.openTab() }).enter("c");
    await shows(one, "ann");
    const two = hub.page("ann", { options, tab: browser.openTab() }).enter("c");
    const bobsRoom = hub.page("bob").enter("c");
    await shows(one, "ann,bob");
    await shows(two, "ann,bob");
    await vi.waitFor(() => expect(memberOf(bobsRoom, "ann")?.count).toBe(1), WAIT);
    two.setState("two");
    await vi.waitFor(() => expect(memberOf(bobsRoom, "ann")?.state).toBe("two"), WAIT);
    one.setState("one");
    await vi.waitFor(() => expect(memberOf(bobsRoom, "ann")?.state).toBe("one"), WAIT);
    expect(hub.errors).toEqual([]);
  });
});

type Options = Omit<HubOptions<never, never>, "bus">;

async function startHub(options: Options = {}) {
  const errors: string[] = [];
  const bus: Bus = createBus({ onError: ({ message }) => errors.push(message) });
  const hub = createHub({
    bus,
    presence: { graceMs: 50 },
    authorize: ({ request }) => {
      const user = new URL(request.url).searchParams.get("user");
      return user === null || { identity: { id: user, info: { name: user.toUpperCase() } } };
    },
    ...options,
  });
  closing.push(
    () => bus.close(),
    () => hub.close(),
  );
  const url = await hub.listen(0);

  const page = (
    user: string | undefined,
    { options: own = {}, tab }: { options?: SseClientOptions; tab?: Tab } = {},
  ) => {
    let requests = 0;
    const client: SseClient = createClient(
      {
        url: user === undefined ? `${url}/sse` : `${url}/sse?user=${user}`,
        backoff: { baseMs: 5, maxMs: 20 },
        onError: ({ code, message }) => {
          if (code !== "STREAM_REFUSED") errors.push(message);
        },
        fetch: async (...args) => {
          requests++;
          return fetch(...args);
        },
        ...own,
      },
      tab?.host ?? {},
    );
    closing.push(() => client.close());
    return {
      client,
      requests: () => requests,
      enter(channel: string): PresenceHandle {
        const room = createPresence(client, channel);
        room.subscribe(() => {});
        return room;
      },
    };
  };
  return { bus, errors, page };
}

function memberOf({ getView }: PresenceHandle, id: string) {
  return getView().members.find((member) => member.id === id);
}

function ids({ getView }: PresenceHandle): string {
  return getView()
    .members.map(({ id }) => id)
    .toSorted()
    .join();
}

async function shows(room: PresenceHandle, expected: string): Promise<void> {
  await vi.waitFor(() => {
    expect(room.getView().status).toBe("open");
    expect(ids(room)).toBe(expected);
  }, WAIT);
}
