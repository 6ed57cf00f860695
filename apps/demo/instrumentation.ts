export async function register() {
  if (process.env.NEXT_RUNTIME === "nodejs") {
    await import("./lib/sse-bus");
    const { registerSseBus } = await import("sse-bus/next");
    await registerSseBus();
    await import("./features/background");
  }
}
