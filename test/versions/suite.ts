import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { countSinks } from "../direct-sink/direct-app.ts";
import { type EventStream, openStream } from "../support/event-stream.ts";
import { publish } from "../support/http-api.ts";
import type { NextServer } from "../support/next-server.ts";
import { nodeProgram, type NodeVersion, nodeVersions } from "../support/runtimes.ts";
import { addTo } from "../support/test-tables.ts";
import type { Packages } from "./packages.ts";
import { buildPlainApp, type Mode, type PlainApp } from "./plain-app.ts";

const STREAMS = 100;
const MODES: readonly Mode[] = ["dev", "start", "standalone", "custom server"];

/** The smallest app on every version of Node.js, served in every way. */
export function testOnEveryNode(release: string, find: () => Promise<Packages>): void {
  let app: PlainApp;
  beforeAll(async () => {
    app = await buildPlainApp(await find());
  }, 240_000);
  afterAll(async () => app?.[Symbol.asyncDispose]());

  const versions = nodeVersions.filter((version) => modesOn(version, release).length > 0);
  describe.each(versions)(`on Node.js %s with ${release}`, (version) => {
    test.each(modesOn(version, release))(
      "%s delivers by every fast path, and a shutdown ends every stream",
      async (mode) => {
        await using server = await app.serve(mode, { node: nodeProgram(version) });
        expect(await (await fetch(server.url)).text()).toContain("The front door");
        const health = await (await fetch(`${server.url}/api/health`)).json();
        expect(health).toMatchObject({ status: "ok" });
        expect(health).not.toHaveProperty("fastPathsOff");

        await using taken = await openStream(`${server.url}/api/taken?channel=taken`);
        await expectMessage(server, taken, "taken");
        // The first streams compile code and fill caches.
        await close(server, [...(await openMany(server)), taken]);

        const before = await inside(server);
        const streams = await openMany(server);
        const after = await inside(server);
        const isReleased = mode !== "custom server";
        expect(await countSinks(server.url)).toEqual({ direct: STREAMS, web: 0 });
        expect(after.released).toBe(isReleased ? STREAMS : 0);
        const perStream = (after.heapUsed - before.heapUsed) / STREAMS / 1024;
        // Next.js keeps at least 50 KB of a stream that is not released.
        if (isReleased && mode !== "dev") expect(perStream).toBeLessThan(40);
        await publish(server.url, { data: "to all", channel: "all" });
        for (const stream of streams) {
          expect((await stream.next("message")).json()).toBe("to all");
        }
        await addTo("versions", {
          runtime: String(version),
          host: `${release} ${mode}`,
          sink: "direct",
          "Next.js released": isReleased ? "yes" : "no",
          "heap of a stream": `${perStream.toFixed(0)} KB`,
          "message seen": "yes",
        });

        server.process.signal("SIGTERM");
        if (mode !== "dev") {
          for (const stream of streams) {
            expect((await stream.next("bye")).json()).toMatchObject({ reason: "drain" });
          }
        }
        await server.process.exited;
      },
      120_000,
    );
  });
}

/**
 * A long run tests every combination. Otherwise the oldest and the newest version of Node.js have every mode, each
 * with one of the two releases, and each version between them has `next start` with one.
 */
function modesOn(version: NodeVersion, release: string): readonly Mode[] {
  if (process.env["SSE_BUS_LONG_TESTS"] !== undefined) return MODES;
  const turn = nodeVersions.indexOf(version) + (release === "next-newest" ? 1 : 0);
  const ends: readonly (NodeVersion | undefined)[] = [nodeVersions[0], nodeVersions.at(-1)];
  const modes = MODES.filter((_, index) => (turn + index) % 2 === 0);
  return ends.includes(version) ? modes : modes.filter((mode) => mode === "start");
}

async function expectMessage(
  server: NextServer,
  stream: EventStream,
  channel: string,
): Promise<void> {
  await stream.next("hello", { timeoutMs: 30_000 });
  for (const data of ["one", "two"]) {
    await publish(server.url, { data, channel });
    expect((await stream.next("message")).json()).toBe(data);
  }
}

async function openMany(server: NextServer): Promise<EventStream[]> {
  const streams = await Promise.all(
    Array.from({ length: STREAMS }, () => openStream(`${server.url}/api/sse?channel=all`)),
  );
  for (const stream of streams) await stream.next("hello", { timeoutMs: 30_000 });
  return streams;
}

async function close(server: NextServer, streams: readonly EventStream[]): Promise<void> {
  for (const stream of streams) await stream[Symbol.asyncDispose]();
  await expect.poll(() => countSinks(server.url)).toEqual({ direct: 0, web: 0 });
}

async function inside(server: NextServer): Promise<{ released: number; heapUsed: number }> {
  const response = await fetch(`${server.url}/api/inside`);
  return (await response.json()) as { released: number; heapUsed: number };
}
