import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { publishTo, startHub } from "../hub/hub-process.ts";
import { startCaddy } from "../support/caddy.ts";
import { openStream } from "../support/event-stream.ts";
import { startHaproxy } from "../support/haproxy.ts";
import { startNginx } from "../support/nginx.ts";
import { runProcess } from "../support/processes.ts";
import { quantile } from "../support/quantile.ts";
import type { Restartable } from "../support/restartable.ts";
import { startVarnish } from "../support/varnish.ts";

/** Enough streams to share a window; see `minReaders` in `node/gzip.ts`. */
const STREAMS = 16;

interface Front extends AsyncDisposable {
  readonly url: string;
}

interface Case {
  readonly name: string;
  readonly start: (port: number) => Promise<Front>;
  /** It asks for gzip itself, and decodes it late for clients that do not. */
  readonly isGzipOnly?: boolean;
}

const fronts: readonly Case[] = [
  { name: "no proxy", start: async (port) => ({ url: `http://127.0.0.1:${port}`, ...nothing }) },
  { name: "nginx with buffering and gzip on, HTTP/1.0 to the hub", start: startNginx },
  {
    name: "nginx with gzip and gunzip on, HTTP/1.1 to the hub",
    start: (port) => startNginx(port, { httpVersion: "1.1", location: "gunzip on;" }),
  },
  {
    name: "HAProxy with compression",
    start: (port) =>
      startHaproxy(port, {
        defaults:
          "option http-no-delay\n  compression algo gzip\n  compression type text/event-stream",
      }),
  },
  { name: "Caddy with encode gzip", start: (port) => startCaddy(port, { site: "encode gzip" }) },
  { name: "Varnish at its defaults", start: startVarnish, isGzipOnly: true },
  { name: "Varnish that passes streams", start: (port) => startVarnish(port, { streams: "pass" }) },
  { name: "Varnish that pipes streams", start: (port) => startVarnish(port, { streams: "pipe" }) },
];

const nothing = { [Symbol.asyncDispose]: async () => {} };

let hub: Restartable;
beforeAll(async () => {
  hub = await startHub({ args: ["--compress", "--heartbeat-ms", "2000", "--drain-retry-ms", "0"] });
});
afterAll(async () => hub?.[Symbol.asyncDispose]());

describe.each(fronts)("compressed by the hub, through $name", ({ name, start, isGzipOnly }) => {
  let front: Front;
  beforeAll(async () => {
    front = await start(hub.port);
  });
  afterAll(async () => front?.[Symbol.asyncDispose]());

  test("streams receive every event immediately, with and without gzip", async () => {
    const channel = `prices/${crypto.randomUUID()}`;
    const url = `${front.url}/sse?channel=${channel}`;
    const open = async (gzip: boolean) => openStream(url, { gzip });
    const direct = await openStream(`${hub.url}/sse?channel=${channel}`);
    const compressed = await Promise.all(Array.from({ length: STREAMS }, async () => open(true)));
    const plain = isGzipOnly ? [] : [await open(false)];
    const all = [...compressed, ...plain];
    for (const each of [...all, direct]) await each.next("hello");
    for (const { headers } of compressed) expect(headers["content-encoding"]).toBe("gzip");
    for (const { headers } of plain) expect(headers["content-encoding"]).toBeUndefined();
    const lags: number[] = [];
    for (let n = 0; n < 15; n++) {
      const data = { name: "price", value: n, text: n === 7 ? "x".repeat(100_000) : "é" };
      await publishTo(hub, data, channel);
      const past = await direct.next("message");
      for (const each of all) {
        const through = await each.next("message");
        expect(through.json()).toEqual(data);
        expect(through.id).toBe(past.id);
        lags.push(through.receivedAt - past.receivedAt);
      }
      // One that joins or leaves changes nothing for the others.
      if (n % 4 === 0) all.push(await open(true));
      if (n % 4 === 2) all.splice(n, 1)[0]?.destroy();
    }
    console.log(`${name}: lag more by ${quantile(lags, 0.5).toFixed(1)} ms in the median`);
    expect(quantile(lags, 0.75)).toBeLessThan(100);
    for (const each of all) await each.next("ping");
    for (const each of [...all, direct]) each.destroy();
  });

  test("curl --compressed shows each event as it arrives", async () => {
    const channel = `curl/${crypto.randomUUID()}`;
    const { id } = await publishTo(hub, "first", channel);
    for (let n = 0; n < 20; n++) await publishTo(hub, { n, text: "again and again" }, channel);
    const url = `${front.url}/sse?channel=${channel}&from=earliest`;
    // It never ends, so curl stops with 28: the time is over.
    const read = runProcess("curl", ["-sSN", "--compressed", "--max-time", "1", url]);
    const output = await read.catch((error: Error) => error.message);
    expect(output).toContain(`id: ${id}`);
    expect(output).toContain('data: {"n":19,"text":"again and again"}');
    expect(output).toMatch(/code 28/);
    expect(output).not.toMatch(/[Ee]ncoding|[Uu]nrecognized|inflate/);
  });
});

test("curl --compressed ends without an error when the hub ends the stream in order", async () => {
  await using own = await startHub({ args: ["--compress", "--max-lifetime-ms", "500"] });
  const output = await runProcess("curl", ["-sSN", "--compressed", `${own.url}/sse`]);
  expect(output).toContain("event: hello");
  expect(output).toContain('"reason":"lifetime"');
});
