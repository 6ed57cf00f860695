import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { openStream } from "../support/event-stream.ts";
import { startExample } from "../support/example-app.ts";
import { health, publish } from "../support/example-api.ts";
import type { NextServer } from "../support/next-server.ts";
import { freePort } from "../support/ports.ts";
import { quantile } from "../support/quantile.ts";
import { waitFor } from "../support/wait-for.ts";

/** Something with an address, between a reader and the app. */
export interface Proxy extends AsyncDisposable {
  readonly url: string;
}

export interface BehindProxyOptions {
  /** Starts the proxy before an app that listens, or will listen, on the port. */
  readonly start: (upstreamPort: number) => Promise<Proxy>;
}

const heartbeatMs = 500;
// What a person takes for "at once". HAProxy at its defaults holds small answers back up to 200 ms.
const maxLagMs = 250;

/**
 * The tests that every proxy must pass, on the production example app: streams are prompt, whole
 * and resumable through it, and the app learns of readers that left.
 */
export function testBehindProxy(name: string, options: BehindProxyOptions): void {
  describe(`behind ${name}`, () => {
    let app: NextServer;
    let proxy: Proxy;

    beforeAll(async () => {
      const port = await freePort();
      proxy = await options.start(port);
      const env = { SSE_BUS_OPEN_PUBLISH: "1", SSE_BUS_HEARTBEAT_MS: String(heartbeatMs) };
      app = await startExample({ port, env });
    });

    afterAll(async () => {
      await proxy?.[Symbol.asyncDispose]();
      await app?.[Symbol.asyncDispose]();
    });

    test.each([
      { encoding: "identity", gzip: false },
      { encoding: "gzip, as browsers ask for", gzip: true },
    ])("each event arrives at once (Accept-Encoding: $encoding)", async ({ gzip }) => {
      await using stream = await openStream(`${proxy.url}/api/sse`, { gzip });
      await stream.next("hello");
      const lags: number[] = [];
      for (let n = 0; n < 30; n += 1) {
        // One at a time: with others behind it, an event that is held back is pushed on by them.
        await publish(app.url, { data: { n, sentAt: now() } });
        const { data, receivedAt } = await stream.next("message");
        const sent = JSON.parse(data) as { n: number; sentAt: number };
        expect(sent.n).toBe(n);
        lags.push(receivedAt - sent.sentAt);
      }
      const [median, most] = [quantile(lags, 0.5), quantile(lags, 1)];
      console.log(`${name}: lag median ${median.toFixed(1)} ms, at most ${most.toFixed(1)} ms`);
      expect(most).toBeLessThan(maxLagMs);
    });

    test("a burst arrives whole and in order", async () => {
      await using stream = await openStream(`${proxy.url}/api/sse?channel=burst`, { gzip: true });
      await stream.next("hello");
      const count = 300;
      const padding = "x".repeat(2_000);
      const sent: string[] = [];
      for (let n = 0; n < count; n += 1) {
        sent.push((await publish(app.url, { channel: "burst", data: { n, padding } })).id);
      }
      const received: (string | undefined)[] = [];
      while (received.length < count) received.push((await stream.next("message")).id);
      expect(received).toEqual(sent);
      expect(stream.events.filter(({ event }) => event === "gap")).toEqual([]);
    });

    test("readers that leave are counted off within two heartbeats", async () => {
      const streams = await Promise.all(
        Array.from({ length: 10 }, async () => openStream(`${proxy.url}/api/sse?channel=quiet`)),
      );
      await Promise.all(streams.map(async (stream) => stream.next("hello")));
      await waitFor("all to be counted", async () => (await health(app.url)).connections === 10);
      const left = now();
      for (const stream of streams) stream.destroy();
      // A proxy may notice only when it writes: the next heartbeat, and that one's answer.
      const timeoutMs = 2 * heartbeatMs + 500;
      await waitFor("none to be left", async () => (await health(app.url)).connections === 0, {
        timeoutMs,
      });
      console.log(`${name}: departures noticed after ${(now() - left).toFixed(0)} ms`);
    });

    test("heartbeats keep a quiet stream open", async () => {
      await using stream = await openStream(`${proxy.url}/api/sse?channel=quiet`, { gzip: true });
      // Past the proxy's time-out for silence, where one is set.
      for (let ping = 0; ping < 5; ping += 1) await stream.next("ping");
      expect(stream.events.map(({ event }) => event)).not.toContain("bye");
    });

    test("a reader that comes back with Last-Event-ID gets what it missed, then goes on live", async () => {
      const url = `${proxy.url}/api/sse?channel=resume`;
      let lastEventId: string;
      {
        await using stream = await openStream(url);
        await stream.next("hello");
        await send(app, 1);
        await send(app, 2);
        await stream.next(({ data }) => data === "1");
        await stream.next(({ data }) => data === "2");
        lastEventId = stream.lastEventId;
      }
      for (const n of [3, 4, 5]) await send(app, n);

      await using stream = await openStream(url, { lastEventId });
      expect(JSON.parse((await stream.next("hello")).data)).toMatchObject({ resumed: true });
      for (const n of [3, 4, 5]) expect((await stream.next("message")).data).toBe(String(n));
      await send(app, 6);
      expect((await stream.next("message")).data).toBe("6");
      expect(stream.events.map(({ event }) => event)).not.toContain("gap");
    });

    test("the server's end of a stream is an end to the reader too", async () => {
      await using stream = await openStream(`${proxy.url}/api/sse`);
      await stream.next("hello");
      await app.stop();
      expect(JSON.parse((await stream.next("bye")).data)).toMatchObject({ reason: "drain" });
      expect(await stream.closed).toBe("end");
      await app.start();
    });
  });
}

const now = (): number => performance.timeOrigin + performance.now();

const send = async (app: NextServer, data: number): Promise<unknown> =>
  publish(app.url, { channel: "resume", data });
