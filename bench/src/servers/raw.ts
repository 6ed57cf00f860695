// A loop of `res.write` over node:http, with the message encoded once: code without a library.
import { createServer, type ServerResponse } from "node:http";
import { obey, ready } from "./control.ts";

const readers = new Set<ServerResponse>();

const server = createServer((request, response) => {
  response.writeHead(200, {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache, no-transform",
  });
  response.write("event: hello\ndata: {}\n\n");
  readers.add(response);
  request.on("close", () => readers.delete(response));
});

obey((message) => {
  const frame = Buffer.from(`data: ${JSON.stringify(message)}\n\n`);
  for (const response of readers) response.write(frame);
});

server.listen(Number(process.env.PORT), "127.0.0.1", 4096, ready);
