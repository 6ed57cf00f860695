// One instance of an application, with a lease that is short enough for tests: `node instance.mjs`.
import { backendFromUrl } from "../../packages/sse-bus/dist/backends/index.js";
import { internalsOf } from "../../packages/sse-bus/dist/core/bus-internals.js";
import { createHub } from "../../packages/sse-bus/dist/hub/index.js";
import { createBus } from "../../packages/sse-bus/dist/index.js";

const { BACKEND_URL, PORT, LEASE_MS, GRACE_MS } = process.env;

const bus = createBus({ backend: backendFromUrl(BACKEND_URL) });
internalsOf(bus).attachments.set("leaseMs", Number(LEASE_MS));
const hub = createHub({
  bus,
  openPublish: true,
  presence: { graceMs: Number(GRACE_MS) },
  authorize({ request }) {
    const id = new URL(request.url).searchParams.get("user");
    return id === null || { identity: { id } };
  },
});
await hub.listen(Number(PORT));
console.log("instance is listening");

async function stop() {
  await hub.close();
  await bus.close();
}

process.once("SIGTERM", () => void stop());
