import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { expect, test } from "vitest";
import { watchReaders } from "../lib/readers";

test("an invalid request target and an invalid Host do not break the count of readers", async () => {
  const counts: number[] = [];
  const failures: unknown[] = [];
  const onFailure = (error: unknown): void => void failures.push(error);
  // What a subscriber of a diagnostics channel throws, Node makes an uncaught exception of.
  process.on("uncaughtException", onFailure);
  const stop = watchReaders("scores", (readers) => counts.push(readers));
  const server = createServer((_, response) => response.end("x"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  for (const target of [
    "//",
    "///",
    "//?channel=scores",
    "http://[/",
    "*",
    "/api/sse?channel=scores",
  ]) {
    const socket = connect(port, "127.0.0.1").resume();
    socket.write(`GET ${target} HTTP/1.1\r\nHost: a b@[\r\nConnection: close\r\n\r\n`);
    await once(socket, "close");
  }

  stop();
  server.close();
  await once(server, "close");
  process.off("uncaughtException", onFailure);
  expect(failures).toEqual([]);
  expect(counts).toEqual([1, 0]);
});
