import { registerSseBus } from "sse-bus/next";

export async function register() {
  await import("./lib/sse-bus");
  await registerSseBus();
  if (process.env.NEXT_RUNTIME === "nodejs") await import("./features/background");
}
