import { EventEmitter, once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { createGzip } from "node:zlib";
import { expect, test } from "vitest";

import { openStream } from "./event-stream.ts";

test("events have type, id and data, and the last id is kept as in browsers", async () => {
  await using server = await serve((_, response) => {
    response.write(
      "retry: 1234\n\nid: a\nevent: greeting\ndata: one\n\ndata: two\ndata: lines\n\n",
    );
  });
  await using stream = await openStream(server.url);
  expect(await stream.next()).toMatchObject({ event: "greeting", id: "a", data: "one" });
  expect(await stream.next()).toMatchObject({
    event: "message",
    id: undefined,
    data: "two\nlines",
  });
  expect(stream).toMatchObject({ status: 200, lastEventId: "a", retryMs: 1234 });
});

test("next skips other events, and returns none twice", async () => {
  await using server = await serve((_, response) => {
    response.write("data: 1\n\nevent: ping\ndata: 2\n\ndata: 3\n\n");
  });
  await using stream = await openStream(server.url);
  expect((await stream.next("ping")).data).toBe("2");
  expect((await stream.next(({ data }) => data > "0")).data).toBe("3");
  expect(stream.events.map(({ data }) => data)).toEqual(["1", "2", "3"]);
  await expect(stream.next("ping", { timeoutMs: 50 })).rejects.toThrow(
    /Waited 50 ms for an event of type ping. 3 events arrived[^]*ping undefined 2/,
  );
});

test("a stream ended by the server, a broken one and one that the test leaves are distinguished", async () => {
  await using server = await serve((request, response) => {
    response.write("data: 1\n\n");
    if (request.url === "/end") response.end();
    if (request.url === "/cut") setTimeout(() => response.destroy(), 20);
  });
  await using ended = await openStream(`${server.url}/end`);
  expect(await ended.closed).toBe("end");
  await using cut = await openStream(`${server.url}/cut`);
  expect(await cut.closed).toBe("cut");
  await using left = await openStream(`${server.url}/stay`);
  left.destroy();
  expect(await left.closed).toBe("destroyed");

  expect((await ended.next()).data).toBe("1");
  await expect(ended.next()).rejects.toThrow("The stream was over (end) before an event");
});

test("a disconnect is abrupt: the server sees its connection reset", async () => {
  await using server = await serve((_, response) => void response.write("data: 1\n\n"));
  const connected = once(server.http, "connection") as Promise<[Socket]>;
  const stream = await openStream(server.url);
  const [socket] = await connected;
  const error = once(socket, "error");
  stream.destroy();
  expect(await error).toMatchObject([{ code: "ECONNRESET" }]);
});

test("a gzipped stream is read as it arrives", async () => {
  await using server = await serve((request, response) => {
    expect(request.headers["accept-encoding"]).toBe("gzip");
    response.setHeader("Content-Encoding", "gzip");
    const gzip = createGzip();
    gzip.pipe(response);
    gzip.write("data: squeezed\n\n");
    gzip.flush();
  });
  await using stream = await openStream(server.url, { gzip: true });
  expect((await stream.next()).data).toBe("squeezed");
});

test("a paused reader reads nothing, so that the server's writes back up; resumed, it gets everything", async () => {
  const total = 32 * 1024 * 1024;
  const block = `data: ${"x".repeat(64 * 1024)}\n\n`;
  const writes = new EventEmitter();
  const stuck = once(writes, "stuck");
  await using server = await serve((_, response) => {
    let written = 0;
    const push = (): void => {
      while (written < total) {
        written += block.length;
        if (!response.write(block)) {
          const slow = setTimeout(() => writes.emit("stuck"), 300);
          response.once("drain", () => {
            clearTimeout(slow);
            push();
          });
          return;
        }
      }
      response.end();
    };
    push();
  });
  await using stream = await openStream(server.url);
  stream.pause();
  await stuck;
  const before = stream.events.length;
  stream.resume();
  expect(await stream.closed).toBe("end");
  expect(before).toBeLessThan(stream.events.length / 2);
  expect(stream.events.length).toBe(Math.ceil(total / block.length));
});

test("a response that is not 200 is an error with its status and body", async () => {
  await using server = await serve((_, response) => {
    response.statusCode = 503;
    response.end("draining");
  });
  await expect(openStream(server.url)).rejects.toThrow("answered 503: draining");
});

test("the given headers are sent", async () => {
  await using server = await serve((request, response) => {
    const { accept, cookie, "last-event-id": last } = request.headers;
    response.write(`data: ${JSON.stringify({ accept, cookie, last })}\n\n`);
  });
  await using stream = await openStream(server.url, {
    lastEventId: "7",
    headers: { Cookie: "a=b" },
  });
  const seen = (await stream.next()).json();
  expect(seen).toEqual({ accept: "text/event-stream", cookie: "a=b", last: "7" });
});

async function serve(listener: RequestListener) {
  const http = createServer(listener).listen(0, "127.0.0.1");
  await once(http, "listening");
  return {
    http,
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      http.close();
      await once(http, "close");
    },
  };
}
