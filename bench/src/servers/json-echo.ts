// Answers each POST with its JSON, over node:http: the least that a server of JSON does.
import { createServer } from "node:http";
import { ready } from "./control.ts";

const server = createServer((request, response) => {
  const chunks: Uint8Array[] = [];
  request.on("data", (bytes: Uint8Array) => chunks.push(bytes));
  request.on("end", () => {
    const body = JSON.stringify(JSON.parse(Buffer.concat(chunks).toString()));
    response.writeHead(200, {
      "Content-Type": "application/json",
      "Content-Length": Buffer.byteLength(body),
    });
    response.end(body);
  });
});

process.on("disconnect", () => process.exit(0));
server.listen(Number(process.env.PORT), "127.0.0.1", 4096, ready);
