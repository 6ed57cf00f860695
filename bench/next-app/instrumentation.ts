import { registerSseBus } from "sse-bus/next";
import { obey, type Stamped } from "../src/servers/control.ts";
import { bus } from "./lib/bus";
import { emitter } from "./lib/emitter";
import { stream } from "./lib/stream";

// Only one variant has readers. The runner's VARIANT prevents that the other one publishes too.
const channels = Number(process.env.CHANNELS ?? 0);

function publish(message: Stamped, n: number): unknown {
  if (process.env.VARIANT === "naive") return emitter.emit("message", message);
  return channels > 0
    ? bus.publish(message, { channel: `c/${n % channels}` })
    : bus.publish(message);
}

export async function register() {
  // A naive app has no hook that runs for each request.
  if (process.env.VARIANT === "takeover") {
    await registerSseBus({ takeOver: { path: "/api/sse", ...stream } });
  } else if (process.env.VARIANT !== "naive") await registerSseBus();
  obey(publish);
}
