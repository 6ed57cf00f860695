import { createBus } from "sse-bus";
import { createPublishHandler, createSseHandler, drainBus } from "sse-bus/web";

const bus = createBus();
const handlers = {
  "/api/sse": createSseHandler({ bus }),
  "/api/publish": createPublishHandler({ bus }),
};

const server = Deno.serve({ port: Number(Deno.env.get("PORT") ?? 3000) }, (request, info) => {
  const { pathname } = new URL(request.url);
  if (!Object.hasOwn(handlers, pathname)) return new Response(null, { status: 404 });
  return handlers[pathname](request, { ip: info.remoteAddr.hostname });
});

Deno.addSignalListener("SIGTERM", async () => {
  drainBus(bus);
  await server.shutdown();
  Deno.exit();
});
