import { registerSseBus } from "sse-bus/next";

export async function register() {
  if (process.env.NEXT_RUNTIME !== "nodejs") return;
  await import("./lib/sse-bus");
  await registerSseBus();
  await import("./features/background");
}
