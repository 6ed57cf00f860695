import { registerSseBus } from "sse-bus/next";

export async function register() {
  await import("./lib/sse-bus");
  await registerSseBus();
}
