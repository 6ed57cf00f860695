import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { describeFlags } from "./flag-table.ts";
import { UsageError } from "./flags.ts";
import { readConfig } from "./hub-config.ts";

const self = fileURLToPath(import.meta.url);
const secret = "a secret of at least thirty-two bytes";

describe("settings of the hub", () => {
  test("have the defaults that the help shows", () => {
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

  test("come from the environment, and a flag takes precedence", () => {
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

  test("an empty variable counts as unset", () => {
    const { backendUrl, hub } = readConfig([], { SSE_BUS_URL: "", SSE_BUS_PUBLISH_TOKEN: "" });
    expect(backendUrl).toBeUndefined();
    expect(hub).not.toHaveProperty("publishToken");
  });

  test("limits are divided among workers, so that all workers together keep them", () => {
    const { hub } = readConfig(["--workers", "4", "--max-connections", "1001"], {});
    expect(hub).toMatchObject({
      maxConnections: 251,
      maxConnectionsPerClient: 250,
      maxConnectionsPerIdentity: 250,
    });
  });

  test.each([
    [
      ["--port", "http"],
      '--port (SSE_BUS_PORT) must be a whole number from 0 to 65535, not "http".',
    ],
    [["--port", "65536"], "--port (SSE_BUS_PORT) must be a whole number from 0 to 65535"],
    [["--heartbeat-ms", "3000000000"], "from 1 to 2147483647"],
    [["--workers", "0"], "--workers (SSE_BUS_WORKERS) must be a whole number from 1 to 1024"],
    [["--heartbeat-ms=1.5"], "--heartbeat-ms (SSE_BUS_HEARTBEAT_MS)"],
    [["--prot", "1"], "--prot"],
    [["stray"], "neither a flag nor the value of one: quote"],
    [["--tls-cert", "a.pem"], "add --tls-key to --tls-cert."],
    [["--tls-cert", "/nowhere/a.pem", "--tls-key", "/nowhere/b.pem"], /--tls-cert .*ENOENT/],
    [["--tls-cert", self, "--tls-key", self], /--tls-cert and --tls-key .* certificate/],
    [["--cors-origin", "*"], /--cors-origin \(SSE_BUS_CORS_ORIGIN\): .*exact origins.*"\*"/],
    [["--cors-origin", "*", "--cors-credentials"], /--cors-origin .*"\*"/],
    [["--cors-origin", "https://a.example/path"], /--cors-origin .*"https:\/\/a.example\/path"/],
    [["--cors-credentials"], "--cors-credentials has no effect without --cors-origin: add one."],
    [
      ["--backend", "mysql://x"],
      /--backend \(SSE_BUS_BACKEND\), SSE_BUS_URL: The "mysql:\/\/…" URL names no/,
    ],
    [["--jwt-key", ""], "--jwt-key is empty"],
    [["--jwt-issuer", "x"], "--jwt-issuer (SSE_BUS_JWT_ISSUER) has no effect alone"],
    [["--jwt-audience", "x"], "add --jwt-key or --jwks-url"],
    [["--jwt-info-claim", "x"], "--jwt-info-claim (SSE_BUS_JWT_INFO_CLAIM) has no effect alone"],
    [["--jwt-key", "k", "--jwks-url", "https://x"], "--jwt-key and --jwks-url exclude each other"],
  ])("%j is rejected, and the error names what is wrong", (args, message) => {
    expect(() => readConfig(args, {})).toThrow(UsageError);
    expect(() => readConfig(args, {})).toThrow(message);
  });

  const keyText = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v";
  const privatePem = `-----BEGIN PRIVATE KEY-----\n${keyText}\n-----END PRIVATE KEY-----`;

  test.each([
    [["--tls-key", privatePem]],
    [["--tls-cert", "a.pem", "--tls-key", privatePem]],
    [["--tls-cert", privatePem, "--tls-key", privatePem]],
    [["--tls-cert", self, "--tls-key", `\n${keyText}`]],
    [["--tls-cert", self, "--tls-key", keyText]],
    [["--tls-key", "-----BEGIN", "PRIVATE", "KEY-----", keyText]],
    [["--publish-token", "two", keyText]],
    [["--port", privatePem]],
    [["--port", keyText.repeat(4)]],
    [["--workers", `1\n${keyText}`]],
    [["--host", privatePem]],
    [["--cors-origin", privatePem]],
    [["--cors-origin", `https://u:${keyText}@x.example`]],
    [["--backend", `mysql://u:${keyText}@x`]],
    [["--backend", `redis://u:${keyText}%zz@x`]],
    [["--backend", `redis://u:${keyText}@x/abc`]],
    [[`--publish-tokn=${keyText}`]],
    [[`--public=${keyText}`]],
  ])("an error about %j repeats no part of a key", (args) => {
    const read = (): unknown => readConfig(args, {});
    expect(read).toThrow(UsageError);
    expect(read).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining(keyText) }),
    );
  });

  test.each([
    [`redis://u:S3%zz@x`, /^--backend .*SSE_BUS_URL: .*%25/],
    ["redis://x/abc", /^--backend .*SSE_BUS_URL: .*database/],
  ])("the backend %s is rejected at start", (url, message) => {
    expect(() => readConfig(["--backend", url], {})).toThrow(message);
  });

  test("each setting has a line in the help, with its default", () => {
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

  test("a value may begin with a dash", () => {
    expect(readConfig(["--publish-token", "-a"], {}).hub.publishToken).toBe("-a");
    expect(() => readConfig(["--port", "--host", "x"], {})).toThrow("--port");
  });

  test("a switch in the environment is 1 or 0, and any other value is rejected", () => {
    expect(readConfig([], { SSE_BUS_OPEN_PUBLISH: "0" }).hub.openPublish).toBe(false);
    const env = { SSE_BUS_OPEN_PUBLISH: "yes" };
    expect(() => readConfig([], env)).toThrow('SSE_BUS_OPEN_PUBLISH must be 1 or 0, not "yes".');
  });
});

describe("a hub that other machines reach", () => {
  test.each([
    "0.0.0.0",
    "::",
    "192.0.2.1",
    "hub.example",
    "127.0.0.1.evil.example",
    "::ffff:1.2.3.4",
  ])("does not start on %s without tokens, unless --public is set", (host) => {
    expect(() => readConfig(["--host", host], {})).toThrow(UsageError);
    expect(() => readConfig([], { SSE_BUS_HOST: host })).toThrow(/--host .*--jwt-key.*--public/);
    expect(readConfig(["--host", host, "--public"], {}).host).toBe(host);
    expect(readConfig(["--host", host], { SSE_BUS_PUBLIC: "1" }).host).toBe(host);
    expect(readConfig(["--host", host], { SSE_BUS_JWT_KEY: secret }).host).toBe(host);
    expect(readConfig(["--host", host, "--jwks-url", "https://x"], {}).host).toBe(host);
  });

  test.each(["127.0.0.1", "127.8.8.8", "::1", "localhost"])("excludes loopback (%s)", (host) => {
    expect(readConfig(["--host", host], {}).host).toBe(host);
  });
});
