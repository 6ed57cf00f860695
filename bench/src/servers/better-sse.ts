// better-sse as in its documentation: a channel, and a session for each request.
import { createServer } from "node:http";
import { createChannel, createSession } from "better-sse";
import { obey, ready } from "./control.ts";

const channel = createChannel();

const server = createServer((request, response) => {
  void createSession(request, response).then((session) => {
    session.push({}, "hello");
    channel.register(session);
  });
});

obey((message) => channel.broadcast(message));

server.listen(Number(process.env.PORT), "127.0.0.1", 4096, ready);
