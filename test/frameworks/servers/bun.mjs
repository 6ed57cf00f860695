import { createBus } from "sse-bus";
import { createPublishHandler, createSseHandler, drainBus } from "sse-bus/web";

const bus = createBus();
const sse = createSseHandler({ bus });
const publish = createPublishHandler({ bus });
const clientOf = (request, server) => ({ ip: server.requestIP(request)?.address });

const server = Bun.serve({
  port: process.env.PORT ?? 3000,
  // Bun would close streams that are silent for 10 s.
  idleTimeout: 0,
  routes: {
    "/api/sse": (request, server) => sse(request, clientOf(request, server)),
    "/api/publish": (request, server) => publish(request, clientOf(request, server)),
  },
});

process.once("SIGTERM", () => {
  drainBus(bus);
  void server.stop().then(() => process.exit());
});
