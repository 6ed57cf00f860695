import { createServer } from "node:http";
import { createBus } from "sse-bus";
import { createPublishHandler, createSseHandler, drainOnSignal } from "sse-bus/node";

const bus = createBus();
const handlers = {
  "/api/sse": createSseHandler({ bus }),
  "/api/publish": createPublishHandler({ bus }),
};

const server = createServer((request, response) => {
  const [path] = request.url.split("?");
  if (Object.hasOwn(handlers, path)) handlers[path](request, response);
  else response.writeHead(404).end();
});
server.listen(process.env.PORT ?? 3000);
drainOnSignal(bus);
