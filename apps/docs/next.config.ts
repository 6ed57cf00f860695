import { fileURLToPath } from "node:url";
import type { NextConfig } from "next";

// Turns Next's telemetry off: a clone should not send usage data unasked.
process.env.NEXT_TELEMETRY_DISABLED ??= "1";

const repositoryRoot = fileURLToPath(new URL("../..", import.meta.url));

const config: NextConfig = {
  output: "export",
  images: { unoptimized: true },
  turbopack: { root: repositoryRoot },
  agentRules: false,
  experimental: { agentUpgrade: false },
};

export default config;
