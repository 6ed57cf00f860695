import { describe, expect, test } from "vitest";
import { describeFlags, UsageError } from "./flags.ts";
import { readConfig } from "./hub-config.ts";

describe("settings of the hub", () => {
  test("have the defaults that the help tells", () => {
    const { port, host, workers, backendUrl, hub, bus } = readConfig([], {});
    expect({ port, host, workers, backendUrl }).toEqual({
      port: 4000,
      host: "127.0.0.1",
      workers: 1,
      backendUrl: undefined,
    });
    expect(hub).toMatchObject({ heartbeatMs: 15_000, maxConnections: 10_000, openPublish: false });
    expect(hub).not.toHaveProperty("cors");
    expect(hub).not.toHaveProperty("publishToken");
    expect(bus.history).toEqual({ maxMessages: 1000, maxAgeMs: 3_600_000, maxBytes: 16_777_216 });
  });

  test("come from the environment, and the flag wins", () => {
    const env = {
      SSE_BUS_PORT: "1",
      SSE_BUS_HEARTBEAT_MS: "2",
      SSE_BUS_PUBLISH_TOKEN: "t",
      SSE_BUS_CORS_ORIGIN: "https://a.example, https://b.example",
      SSE_BUS_OPEN_PUBLISH: "1",
      SSE_BUS_URL: "redis://x",
    };
    const fromEnv = readConfig([], env);
    expect(fromEnv).toMatchObject({ port: 1, backendUrl: "redis://x" });
    expect(fromEnv.hub).toMatchObject({
      heartbeatMs: 2,
      publishToken: "t",
      openPublish: true,
      cors: { origins: ["https://a.example", "https://b.example"], credentials: false },
    });
    const args = ["--port", "7", "--backend=nats://y", "--cors-origin", "https://c.example"];
    const fromFlags = readConfig(args, env);
    expect(fromFlags).toMatchObject({ port: 7, backendUrl: "nats://y" });
    expect(fromFlags.hub.cors?.origins).toEqual(["https://c.example"]);
  });

  test("an empty variable is none", () => {
    const { backendUrl, hub } = readConfig([], { SSE_BUS_URL: "", SSE_BUS_PUBLISH_TOKEN: "" });
    expect(backendUrl).toBeUndefined();
    expect(hub).not.toHaveProperty("publishToken");
  });

  test("limits are shared out among workers, so that together they keep them", () => {
    const { hub } = readConfig(["--workers", "4", "--max-connections", "1001"], {});
    expect(hub).toMatchObject({ maxConnections: 251, maxConnectionsPerClient: 250 });
  });

  test.each([
    [["--port", "http"], '--port (SSE_BUS_PORT) must be a whole number of at least 0, not "http".'],
    [["--workers", "0"], "--workers (SSE_BUS_WORKERS) must be a whole number of at least 1"],
    [["--heartbeat-ms=1.5"], "--heartbeat-ms (SSE_BUS_HEARTBEAT_MS)"],
    [["--prot", "1"], "--prot"],
    [["stray"], "stray"],
    [["--tls-cert", "a.pem"], "--tls-cert and --tls-key go together."],
    [["--tls-cert", "/nowhere/a.pem", "--tls-key", "/nowhere/b.pem"], "--tls-cert: ENOENT"],
  ])("%j is refused, naming what is wrong", (args, message) => {
    expect(() => readConfig(args, {})).toThrow(UsageError);
    expect(() => readConfig(args, {})).toThrow(message);
  });

  test("each has a line in the help, with its default", () => {
    const help = describeFlags();
    for (const name of [
      "port",
      "backend",
      "workers",
      "tls-cert",
      "publish-token",
      "max-connections",
    ]) {
      expect(help).toMatch(new RegExp(`^  --${name} [A-Z]+ +\\S`, "m"));
    }
    expect(help).toContain("Default 15000.");
  });
});
