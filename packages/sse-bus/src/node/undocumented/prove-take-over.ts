import { getRequest, overLoopback } from "./loopback.ts";
import { takeOver } from "./take-over.ts";

/** Requests for the path are taken over, and all others reach the server's own listeners. */
export async function proveTakeOver(): Promise<void> {
  const path = `/.sse-bus/${crypto.randomUUID()}`;
  const endTakeOver = takeOver(path, {
    answer: async (_, response) => void response.end("ours"),
  });
  try {
    await overLoopback(
      (_, response) => void response.end("host"),
      async ({ server, connect }) => {
        const own = server.listeners("request");
        const client = connect();
        for (const [target, answer] of EXCHANGES) {
          client.send(getRequest(target ?? path));
          await client.expectBody(answer);
        }
        const after = server.listeners("request");
        // Others may have added theirs, as the exchange does.
        if (!own.every((listener) => after.includes(listener))) {
          throw new Error("a server's own listeners are not back after a request");
        }
      },
    );
  } finally {
    endTakeOver();
  }
}

const EXCHANGES: readonly (readonly [string | undefined, string])[] = [
  [undefined, "ours"],
  ["/", "host"],
  [undefined, "ours"],
];
