import type { ServerResponse } from "node:http";
import { getRequest, nextTurn, overLoopback } from "./loopback.ts";
import { startStream } from "./prove-direct-sink.ts";
import { releaseHost } from "./release-host.ts";

/**
 * A host that is told of its client's leave is told once, and what it then does to its response, as
 * Next.js does, harms nothing: the stream goes on and ends, the connection serves the next request,
 * and whoever watches the response hears of the end at the end, also where the client really leaves.
 */
export async function proveHostRelease(): Promise<void> {
  const told = { host: 0, watcher: 0 };
  let onTold = (): void => {};
  const untilTold = (times: number): Promise<void> =>
    new Promise((resolve) => {
      onTold = () => void (told.watcher === times && resolve());
      onTold();
    });
  const watch = (response: ServerResponse): (() => void)[] => {
    const watcher = (): void => {
      told.watcher++;
      onTold();
    };
    response.on("close", watcher);
    response.on("close", () => {
      told.host++;
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
      if (told.host === 0) throw new Error("a host was not told that its client has left");
      if (request.url !== BRIEF) return;
      if (told.host + told.watcher > 1) throw new Error("a response was closed that is open");
      writer.release();
      response.end();
    },
    async ({ connect }) => {
      const client = connect();
      client.send(getRequest(BRIEF));
      await client.expectBody("3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
      await untilTold(1);
      client.send(getRequest("/"));
      await client.expectBody("next");
      const leaving = connect();
      leaving.send(getRequest(ENDLESS));
      await leaving.expectBody("3\r\none\r\n3\r\ntwo\r\n");
      leaving.leave();
      await untilTold(2);
      if (told.host !== 2) throw new Error("a host was told twice that its client has left");
    },
  );
}

const BRIEF = "/brief";
const ENDLESS = "/endless";
