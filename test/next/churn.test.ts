import { connect } from "node:net";
import { once } from "node:events";
import { expect, test } from "vitest";
import { openStream } from "../support/event-stream.ts";
import { startDemo } from "../support/demo-app.ts";
import type { ServerOptions } from "../support/next-server.ts";
import { heapReporterArgs, serverHeap } from "../support/server-heap.ts";
import { waitFor } from "../support/wait-for.ts";
import { startTaken } from "../take-over/take-over-app.ts";

const CONNECTS = 2000;
const AT_ONCE = 50;

test.each([
  ["through Next", startDemo],
  ["taken over", (options: ServerOptions) => startTaken("next start", options)],
])(
  "2,000 connects and abrupt disconnects leak no connection and no heap, %s",
  async (_, start) => {
    await using app = await start({ nodeArgs: heapReporterArgs });
    const health = async (): Promise<{ connections: number; channels: number }> =>
      (await (await fetch(`${app.url}/api/health`)).json()) as never;
    const churn = async (count: number): Promise<void> => {
      for (let done = 0; done < count; done += AT_ONCE) {
        await Promise.all(
          Array.from({ length: AT_ONCE }, (_, n) => leaveSomehow(app.url, app.port, n)),
        );
      }
      await waitFor("no connection to be left", async () => (await health()).connections === 0);
    };

    // The first rounds fill caches and compile code, which is not a leak.
    await churn(400);
    const before = await serverHeap(app);
    await churn(CONNECTS);
    const after = await serverHeap(app);

    expect(await health()).toMatchObject({ connections: 0, channels: 0 });
    // 2,000 leaked connections would hold 70 KB each; this bound is 1 KB for each.
    expect(after - before, `heap ${before} → ${after}`).toBeLessThan(2 * 1024 * 1024);
  },
  500_000,
);

/** One of the ways in which clients disconnect. */
async function leaveSomehow(url: string, port: number, way: number): Promise<void> {
  const stream = `${url}/api/sse`;
  switch (way % 5) {
    case 0:
      await fetch(stream, { method: "HEAD" });
      return;
    case 1:
      return leaveAfterSending(port, "GET /api/sse HTTP/1.1\r\nHost: loc");
    case 2:
      return leaveAfterSending(port, "GET /api/sse HTTP/1.1\r\nHost: localhost\r\n\r\n");
    case 3: {
      const abort = new AbortController();
      const response = await fetch(stream, { signal: abort.signal });
      abort.abort();
      await response.body?.cancel().catch(() => {});
      return;
    }
    default: {
      const open = await openStream(stream);
      await open.next("hello");
      await open[Symbol.asyncDispose]();
    }
  }
}

async function leaveAfterSending(port: number, text: string): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  await new Promise((resolve) => socket.write(text, resolve));
  socket.resetAndDestroy();
}
