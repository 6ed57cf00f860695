import { serve } from "@hono/node-server";
import { getConnInfo } from "@hono/node-server/conninfo";
import { Hono } from "hono";
import { createBus } from "sse-bus";
import { drainOnSignal } from "sse-bus/node";
import { createPublishHandler, createSseHandler } from "sse-bus/web";

const bus = createBus();
const sse = createSseHandler({ bus });
const publish = createPublishHandler({ bus });
const clientOf = (context) => ({ ip: getConnInfo(context).remote.address });

const app = new Hono();
app.all("/api/sse", (context) => sse(context.req.raw, clientOf(context)));
app.all("/api/publish", (context) => publish(context.req.raw, clientOf(context)));

serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) });
drainOnSignal(bus);
