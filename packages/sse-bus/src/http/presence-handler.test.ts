import { afterEach, describe, expect, test } from "vitest";
import { readTestStream } from "../../test/support/event-stream.ts";
import type { Backend } from "../core/backend.ts";
import { createBus, internalsOf } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { memoryBackend } from "../core/memory-backend.ts";
import { createHub } from "../hub/create-hub.ts";
import type { HubOptions } from "../hub/hub-options.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

type Options = Omit<HubOptions<never, never>, "bus">;

/** A hub with presence, and a client of it. The tests of `next/` ask the same handler through a route. */
async function startHub(options: Options = {}, backend: Backend = memoryBackend()) {
  const bus: Bus = createBus({ backend, onError: () => {} });
  internalsOf(bus).attachments.set("leaseMs", 500);
  const hub = createHub({
    bus,
    presence: { graceMs: 50 },
    authorize: ({ request }) => {
      const user = new URL(request.url).searchParams.get("user");
      return user === null || { identity: { id: user, info: { name: user.toUpperCase() } } };
    },
    ...options,
  });
  closing.push(bus.close, hub.close);
  const url = await hub.listen(0);

  async function post(body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${url}/presence`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  }

  return {
    bus,
    url,
    post,
    list: async (query = "?channel=room", headers: Record<string, string> = {}) =>
      fetch(`${url}/presence${query}`, { headers }),
    /** Opens a stream, and returns its secret. */
    async open(user: string, channel = "room") {
      const stream = readTestStream(await fetch(`${url}/sse?channel=${channel}&user=${user}`));
      closing.push(async () => stream.cancel());
      const hello = JSON.parse((await stream.until("hello")).data) as { connection: string };
      return hello.connection;
    },
    stateOf: async (id: string) =>
      (await bus.presence("room").list()).find((member) => member.id === id)?.state,
  };
}

const code = async (response: Response): Promise<[number, string]> => [
  response.status,
  ((await response.json()) as { code: string }).code,
];

describe("setting a state", () => {
  test("shows it to everybody, until it is removed", async () => {
    const { post, open, stateOf } = await startHub();
    const connection = await open("ann");
    const response = await post({ connection, channel: "room", state: { typing: true } });
    expect([response.status, await response.text()]).toEqual([204, ""]);
    expect(response.headers.get("cache-control")).toBe("no-store");
    await expect.poll(async () => stateOf("ann")).toEqual({ typing: true });
    expect((await post({ connection, channel: "room", state: null })).status).toBe(204);
    await expect.poll(async () => stateOf("ann")).toBeUndefined();
    await post({ connection, channel: "room", state: 0 });
    await expect.poll(async () => stateOf("ann")).toBe(0);
    await post({ connection, channel: "room" });
    await expect.poll(async () => stateOf("ann")).toBeUndefined();
  });

  test("is passed on if the stream is on another instance", async () => {
    const backend = memoryBackend();
    const [one, two] = [await startHub({}, backend), await startHub({}, backend)];
    const connection = await one.open("ann");
    await two.open("bob");
    await expect.poll(async () => two.bus.presence("room").count()).toBe(2);
    expect((await two.post({ connection, channel: "room", state: "busy" })).status).toBe(202);
    await expect.poll(async () => two.stateOf("ann")).toBe("busy");
  });

  test("needs the connection of an open stream that is a member", async () => {
    const { post, open } = await startHub();
    const connection = await open("ann");
    const unknown = crypto.randomUUID();
    expect(await code(await post({ connection: unknown, channel: "room", state: 1 }))).toEqual([
      404,
      "UNKNOWN_CONNECTION",
    ]);
    expect(await code(await post({ connection, channel: "elsewhere", state: 1 }))).toEqual([
      403,
      "FORBIDDEN",
    ]);
  });

  test.each([
    ["{", 400, "MALFORMED_BODY"],
    ["[]", 400, "MALFORMED_BODY"],
    ['{"connection":"x","channel":"room","state":1}', 400, "MALFORMED_BODY"],
    ['{"connection":"ID","channel":"room","status":1}', 400, "MALFORMED_BODY"],
    ['{"connection":"ID","state":1}', 400, "INVALID_CHANNEL"],
    ['{"connection":"ID","channel":"~presence/room","state":1}', 400, "INVALID_CHANNEL"],
    ['{"connection":"ID","channel":"room","state":1e999}', 400, "INVALID_DATA"],
    [
      `{"connection":"ID","channel":"room","state":"${"x".repeat(1023)}"}`,
      413,
      "MESSAGE_TOO_LARGE",
    ],
    [`{"connection":"ID","channel":"room","state":"${"ü".repeat(600)}"}`, 413, "MESSAGE_TOO_LARGE"],
    [
      `{"connection":"ID","channel":"room","state":"${"x".repeat(50_000)}"}`,
      413,
      "MESSAGE_TOO_LARGE",
    ],
  ])("refuses %.60s with %i %s", async (body, status, wanted) => {
    const { post } = await startHub();
    const response = await post(body.replace("ID", crypto.randomUUID()));
    expect(await code(response)).toEqual([status, wanted]);
  });

  test("is limited per stream, not per user of the server", async () => {
    const { post, open, stateOf } = await startHub({ maxStatesPerMinute: 5 });
    const [ann, bob] = [await open("ann"), await open("bob")];
    const statuses: number[] = [];
    for (let turn = 0; turn < 7; turn++) {
      statuses.push((await post({ connection: ann, channel: "room", state: turn })).status);
    }
    expect(statuses).toEqual([204, 204, 204, 204, 204, 429, 429]);
    const refused = await post({ connection: ann, channel: "room", state: 9 });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await code(refused)).toEqual([429, "TOO_MANY_REQUESTS"]);
    expect((await post({ connection: bob, channel: "room", state: "b" })).status).toBe(204);
    await expect.poll(async () => stateOf("ann")).toBe(4);
  });

  test("from a page of another origin needs `cors`", async () => {
    const closed = await startHub();
    const headers = { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" };
    expect(await code(await closed.post({}, headers))).toEqual([403, "CROSS_SITE"]);
    const opened = await startHub({ cors: { origins: ["https://app.example"] } });
    const own = { Origin: "https://app.example", "Sec-Fetch-Site": "cross-site" };
    const connection = await opened.open("ann");
    const response = await opened.post({ connection, channel: "room", state: 1 }, own);
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-origin")).toBe("https://app.example");
  });
});

describe("listing members", () => {
  test("gives a server with the token each member once", async () => {
    const { list, open, post } = await startHub({ publishToken: "secret-token" });
    const ann = await open("ann");
    await open("ann");
    await open("bob");
    await post({ connection: ann, channel: "room", state: "away" });
    const asServer = { Authorization: "Bearer secret-token" };
    await expect
      .poll(async () => (await list("?channel=room", asServer)).json())
      .toEqual({
        channel: "room",
        count: 2,
        members: expect.arrayContaining([
          { id: "ann", info: { name: "ANN" }, state: "away", count: 2 },
          { id: "bob", info: { name: "BOB" }, count: 1 },
        ]) as unknown,
      });
  });

  test.each([
    [{ publishToken: "secret-token" }, "?channel=room", {}, 401, "UNAUTHORIZED"],
    [
      { publishToken: "secret-token" },
      "?channel=room",
      { Authorization: "Bearer wrong" },
      401,
      "UNAUTHORIZED",
    ],
    [{}, "?channel=room", {}, 403, "PUBLISHING_CLOSED"],
    [{ openPublish: true }, "?channel=room/*", {}, 400, "INVALID_CHANNEL"],
    [{ openPublish: true }, "", {}, 400, "INVALID_CHANNEL"],
  ] as const)(
    "with %j refuses %s %j with %i %s",
    async (options, query, headers, status, wanted) => {
      const { list } = await startHub(options);
      expect(await code(await list(query, headers))).toEqual([status, wanted]);
    },
  );
});

test("only GET, POST and OPTIONS are answered", async () => {
  const { url } = await startHub();
  for (const method of ["PUT", "DELETE", "PATCH", "HEAD"]) {
    const response = await fetch(`${url}/presence`, { method });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, POST, OPTIONS"]);
  }
  const options = await fetch(`${url}/presence`, { method: "OPTIONS" });
  expect(options.headers.get("allow")).toBe("GET, POST, OPTIONS");
});

test("a hub without presence does not have the path", async () => {
  const { list } = await startHub({ presence: false, openPublish: true });
  expect(await code(await list())).toEqual([404, "NOT_FOUND"]);
});
