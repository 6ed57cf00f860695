import express from "express";
import { createBus } from "sse-bus";
import { createPublishHandler, createSseHandler, drainOnSignal } from "sse-bus/node";

const bus = createBus();
const app = express();

app.all("/api/sse", createSseHandler({ bus }));
// Before the parser: the handler reads the body itself.
app.all("/api/publish", createPublishHandler({ bus }));
app.use(express.json());

app.listen(process.env.PORT ?? 3000);
drainOnSignal(bus);
