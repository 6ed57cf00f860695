import type { IncomingMessage, ServerResponse } from "node:http";
import { openFastLane } from "./fast-lane.ts";
import { getRequest, nextTurn, overLoopback } from "./loopback.ts";

/**
 * A plain request for the path is ours on its socket; any other is given to the server with the bytes
 * read, which then reads on by itself.
 */
export async function proveFastLane(): Promise<void> {
  await overLoopback(answerWithBody, async ({ server, connect }) => {
    const lane = openFastLane(server, STREAM, (_, socket) => {
      socket.write("HTTP/1.1 200 OK\r\n\r\none");
      socket.end("two");
    });
    try {
      const plain = connect();
      plain.send(getRequest(STREAM));
      await plain.expectBody("onetwo");
      await plain.closed;
      const other = connect();
      other.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\nabc");
      await nextTurn();
      other.send("def");
      await other.expectBody("abcdef");
      other.send(getRequest(STREAM));
      await other.expectBody("host");
    } finally {
      lane.close();
    }
  });
}

async function answerWithBody(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = "";
  for await (const bytes of request) body += String(bytes);
  response.end(body || "host");
}

const STREAM = "/stream";
