import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repository } from "../support/repository.ts";

/** What a drain may take, in seconds. */
const DRAIN_S = 10;
/** The default of `maxConnections`. */
const MAX_CONNECTIONS = 10_000;

test.each([
  ["app", "node server.js"],
  ["hub", "node node_modules/sse-bus/dist/hub/cli.js hub"],
])(
  "deploy/systemd/%s.service starts Node.js without a shell, and gives it time and descriptors",
  async (name, command) => {
    const text = await readFile(join(repository, `deploy/systemd/${name}.service`), "utf8");
    const settings = new Map(
      [...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, key = "", value = ""]) => [key, value]),
    );
    expect(settings.get("ExecStart")).toBe(`/usr/bin/${command}`);
    expect(Number(settings.get("TimeoutStopSec"))).toBeGreaterThan(DRAIN_S);
    expect(Number(settings.get("LimitNOFILE"))).toBeGreaterThan(MAX_CONNECTIONS);
    // SIGTERM is the default.
    expect(settings.get("KillSignal")).toBeUndefined();
    expect(settings.get("Restart")).toBe("always");
  },
);

test("pm2 starts the standalone server in one process, and does not kill it while it drains", () => {
  const require = createRequire(import.meta.url);
  const { apps } = require(join(repository, "deploy/pm2/ecosystem.config.cjs")) as {
    apps: Record<string, unknown>[];
  };
  expect(apps).toHaveLength(1);
  expect(apps[0]).toMatchObject({ script: "server.js", exec_mode: "fork", instances: 1 });
  expect(apps[0]?.["kill_timeout"]).toBeGreaterThanOrEqual(DRAIN_S * 1_000);
});
