import { describe, expect, test } from "vitest";
import { rawClient, takeResponse } from "../support/raw-client.ts";
import { hubHealth, publishTo, startHub } from "../hub/hub-process.ts";
import { openStream } from "../support/event-stream.ts";
import { heapReporterArgs, serverHeap } from "../support/server-heap.ts";
import { bunProgram, denoProgram, nodeProgram, nodeVersions } from "../support/runtimes.ts";
import { addTo } from "../support/test-tables.ts";

const STREAMS = 100;

interface Runtime {
  readonly name: string;
  readonly program: string;
  readonly args?: readonly string[];
  /** Fast paths that are off on this runtime. */
  readonly off?: readonly string[];
}

const runtimes: readonly Runtime[] = [
  ...nodeVersions.map((version) => ({
    name: `Node.js ${version}`,
    program: nodeProgram(version),
    args: heapReporterArgs,
  })),
  { name: "Deno", program: denoProgram(), args: ["run", "-A"] },
  // Its response sockets do not frame writes, and connections cannot be passed to another process.
  { name: "Bun", program: bunProgram(), off: ["direct-sink", "fast-lane"] },
];

/** The first is plain and uses the fast lane; the second is not, because it repeats a field. */
const HEADS: readonly string[] = ["Host: localhost\r\n", "Host: localhost\r\nX-A: 1\r\nX-A: 2\r\n"];

describe.each(runtimes)("the built hub on $name", ({ name, program, args = [], off }) => {
  test("frames a stream's body correctly to its end, however the request is read", async () => {
    await using hub = await startHub({ program, nodeArgs: args });
    const { fastPathsOff = {} } = await hubHealth(hub);
    expect(Object.keys(fastPathsOff).toSorted()).toEqual(off ?? []);
    expect(hub.process.output().match(/"FAST_PATH_OFF"/g) ?? []).toHaveLength(off?.length ?? 0);

    const clients = [];
    for (const head of HEADS) {
      const client = await rawClient(hub.port);
      client.send(`GET /sse?channel=a HTTP/1.1\r\n${head}\r\n`);
      await client.until("event: hello");
      clients.push(client);
    }
    const older = await rawClient(hub.port);
    older.send("GET /sse?channel=a HTTP/1.0\r\nHost: localhost\r\n\r\n");
    await older.until("event: hello");
    for (const data of ["one", "é".repeat(50_000), "two"]) await publishTo(hub, data, "a");
    for (const client of [...clients, older]) await client.until('data: "two"');
    await hub.stop();
    for (const client of clients) {
      await client.until(/event: bye[^]*\r\n0\r\n\r\n$/);
      const { head, body, rest } = takeResponse(client.text());
      expect(head).toMatch(/transfer-encoding: chunked/i);
      expect(body).toMatch(/^retry: 2000\nid: [^\n]+\nevent: hello\n/);
      expect(body.match(/^data: "[^"]{3,}"$/gm)).toHaveLength(3);
      expect(body).toMatch(/\nevent: bye\ndata: \{"reason":"drain","retryMs":\d+\}\n\n$/);
      expect(rest).toBe("");
    }
    await older.ended;
    expect(older.text()).not.toMatch(/transfer-encoding/i);
    expect(older.text()).toMatch(/\nevent: bye\n[^]*\n\n$/);
    for (const client of [...clients, older]) await client[Symbol.asyncDispose]();
  });

  test("stops counting clients that disconnect, and delivers to the others", async () => {
    await using hub = await startHub({ program, nodeArgs: args });
    const isMeasured = args === heapReporterArgs;
    const open = async () => {
      const streams = await Promise.all(
        Array.from({ length: STREAMS }, () => openStream(`${hub.url}/sse?channel=a`)),
      );
      for (const stream of streams) await stream.next("hello");
      return streams;
    };
    const count = async () => (await hubHealth(hub)).connections;
    for (const stream of await open()) await stream[Symbol.asyncDispose]();
    await expect.poll(count).toBe(0);
    const before = isMeasured ? await serverHeap(hub) : 0;
    const streams = await open();
    const perStream = isMeasured ? ((await serverHeap(hub)) - before) / STREAMS / 1024 : undefined;
    await Promise.all(streams.slice(1).map(async (stream) => stream[Symbol.asyncDispose]()));
    await expect.poll(count).toBe(1);
    await publishTo(hub, "one", "a");
    expect((await streams[0]?.next("message"))?.json()).toBe("one");
    await streams[0]?.[Symbol.asyncDispose]();
    await addTo("versions", {
      runtime: name,
      host: "hub",
      sink: off ? "through the response" : "direct, fast lane",
      "Next.js released": "not needed",
      "heap of a stream": perStream === undefined ? "" : `${perStream.toFixed(0)} KB`,
      "message seen": "yes",
    });
  });
});
