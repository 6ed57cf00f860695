import Fastify from "fastify";
import { createBus } from "sse-bus";
import { createPublishHandler, createSseHandler, drainOnSignal } from "sse-bus/node";

const bus = createBus();
const app = Fastify();

app.register(async (scope) => {
  // The handler reads the body itself.
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
  for (const [path, handle] of [
    ["/api/sse", createSseHandler({ bus })],
    ["/api/publish", createPublishHandler({ bus })],
  ]) {
    scope.all(path, (request, reply) => {
      reply.hijack();
      handle(request.raw, reply.raw);
    });
  }
});

await app.listen({ port: Number(process.env.PORT ?? 3000) });
drainOnSignal(bus);
