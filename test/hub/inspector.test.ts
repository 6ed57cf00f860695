import { afterAll, beforeAll, expect, test } from "vitest";
import type { InspectorData } from "../../packages/sse-bus/src/inspector/index.ts";
import { openStream } from "../support/event-stream.ts";
import type { Restartable } from "../support/restartable.ts";
import { startHub } from "./hub-process.ts";

const TOKEN = "a token for the inspector";
const password = { Authorization: `Basic ${Buffer.from(`any:${TOKEN}`).toString("base64")}` };
const json = { ...password, Accept: "application/json" };

let hub: Restartable;
beforeAll(async () => {
  hub = await startHub({ args: ["--workers", "2"], env: { SSE_BUS_INSPECTOR_TOKEN: TOKEN } });
});
afterAll(async () => hub?.[Symbol.asyncDispose]());

async function instances(): Promise<InspectorData["instances"]> {
  const response = await fetch(`${hub.url}/inspector`, { headers: json });
  return ((await response.json()) as InspectorData).instances;
}

test("without --inspector-token there is no inspector", async () => {
  await using plain = await startHub();
  expect((await fetch(`${plain.url}/inspector`)).status).toBe(404);
  expect((await fetch(`${plain.url}/inspector`, { headers: password })).status).toBe(404);
});

test("it asks for the token, and answers the page, the data and the stream with it", async () => {
  for (const Accept of ["text/html", "application/json", "text/event-stream"]) {
    const refused = await fetch(`${hub.url}/inspector?channel=**`, { headers: { Accept } });
    expect([Accept, refused.status]).toEqual([Accept, 401]);
    expect(refused.headers.get("www-authenticate")).toMatch(/^Basic /);
  }
  const page = await fetch(`${hub.url}/inspector`, { headers: password });
  expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(await page.text()).toContain("<title>Inspector");
  await using stream = await openStream(`${hub.url}/inspector?channel=**`, {
    headers: { ...password, Accept: "text/event-stream" },
  });
  await stream.next("hello");
  await fetch(`${hub.url}/publish`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ channel: "a", data: { n: 1 } }),
  });
  expect((await stream.next("message")).json()).toEqual({ n: 1 });
});

test("it shows every worker, and disconnects a stream of any of them", async () => {
  const streams = await Promise.all(
    Array.from({ length: 4 }, async () => openStream(`${hub.url}/sse?channel=a`)),
  );
  const ids = await Promise.all(
    streams.map(async (stream) => ((await stream.next("hello")).json() as Hello).connection),
  );
  const seen = async (): Promise<readonly (readonly string[])[]> =>
    (await instances()).map(({ connections }) => connections.listed.map(({ id }) => id));
  await expect.poll(async () => (await seen()).flat().toSorted()).toEqual(ids.toSorted());
  await expect.poll(async () => (await seen()).length).toBe(2);
  for (const [index, connection] of ids.entries()) {
    const response = await fetch(`${hub.url}/inspector?action=disconnect`, {
      method: "POST",
      headers: { ...json, "Content-Type": "application/json" },
      body: JSON.stringify({ connection }),
    });
    expect(response.status).toBe(200);
    const bye = await (streams[index] as (typeof streams)[number]).next("bye");
    expect(bye.json()).toMatchObject({ reason: "revoked" });
  }
  for (const stream of streams) await stream[Symbol.asyncDispose]();
});

interface Hello {
  readonly connection: string;
}
