// The hub as `sse-bus hub` runs it, with publishing from within the process.
import { createBus } from "sse-bus";
import { createHub } from "sse-bus/hub";
import { obey, ready } from "./control.ts";

const bus = createBus();
const heartbeatMs = Number(process.env.HEARTBEAT_MS ?? 15_000);
const openPublish = process.env.OPEN_PUBLISH === "1";
const hub = createHub({ bus, openPublish, maxConnections: 100_000, heartbeatMs });
const channels = Number(process.env.CHANNELS ?? 0);

obey((message, n) =>
  channels > 0 ? bus.publish(message, { channel: `c/${n % channels}` }) : bus.publish(message),
);

await hub.listen(Number(process.env.PORT));
ready();
