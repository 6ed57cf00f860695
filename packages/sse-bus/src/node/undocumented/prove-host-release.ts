import type { ServerResponse } from "node:http";
import { getRequest, nextTurn, overLoopback } from "./loopback.ts";
import { startStream } from "./prove-direct-sink.ts";
import { releaseHost } from "./release-host.ts";

/**
 * The host gets `close` once, and can then destroy its response, as Next.js does, without effect: the stream continues
 * and ends, and the connection serves the next request. Watchers of the response get `close` at the real end, also
 * when the client disconnects.
 */
export async function proveHostRelease(): Promise<void> {
  const closes = { host: 0, watcher: 0 };
  let onWatched = (): void => {};
  const untilClosed = (times: number): Promise<void> =>
    new Promise((resolve) => {
      onWatched = () => void (closes.watcher === times && resolve());
      onWatched();
    });
  const watch = (response: ServerResponse): (() => void)[] => {
    const watcher = (): void => {
      closes.watcher++;
      onWatched();
    };
    response.on("close", watcher);
    response.on("close", () => {
      closes.host++;
      response.destroy(new Error("The client has left"));
    });
    return [watcher];
  };

  await overLoopback(
    async (request, response) => {
      if (request.url === "/") {
        response.end("next");
        return;
      }
      const watchers = watch(response);
      const writer = startStream(response);
      if (!releaseHost(response, watchers)) throw new Error("a response has no socket");
      await nextTurn();
      writer.send(Buffer.from("two"));
      await nextTurn();
      if (closes.host === 0) throw new Error("the host did not get `close`");
      if (request.url !== BRIEF) return;
      if (closes.host + closes.watcher > 1) throw new Error("an open response was closed");
      writer.release();
      response.end();
    },
    async ({ connect }) => {
      const client = connect();
      client.send(getRequest(BRIEF));
      await client.expectBody("3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
      await untilClosed(1);
      client.send(getRequest("/"));
      await client.expectBody("next");
      const disconnecting = connect();
      disconnecting.send(getRequest(ENDLESS));
      await disconnecting.expectBody("3\r\none\r\n3\r\ntwo\r\n");
      disconnecting.disconnect();
      await untilClosed(2);
      if (closes.host !== 2) throw new Error("the host got `close` twice");
    },
  );
}

const BRIEF = "/brief";
const ENDLESS = "/endless";
