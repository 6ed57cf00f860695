import type { IncomingMessage, ServerResponse } from "node:http";
import { interceptPlainRequests } from "./fast-lane.ts";
import { getRequest, nextTurn, overLoopback } from "./loopback.ts";

/**
 * A plain request for the path is answered on its socket. Any other is passed to the server with the bytes that were
 * read, and the server reads on by itself.
 */
export async function proveFastLane(): Promise<void> {
  await overLoopback(answerWithBody, async ({ server, connect }) => {
    const interception = interceptPlainRequests(server, STREAM, (_, socket) => {
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
      interception.close();
    }
  });
}

async function answerWithBody(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = "";
  for await (const bytes of request) body += String(bytes);
  response.end(body || "host");
}

const STREAM = "/stream";
