import { afterEach, expect, test, vi } from "vitest";
import { defaultAllowedHosts } from "./allowed-hosts.ts";

afterEach(() => void vi.unstubAllEnvs());

test.each([
  [{ NODE_ENV: "production" }, undefined],
  [{ NODE_ENV: "development" }, []],
  [
    { NODE_ENV: "development", __NEXT_PRIVATE_ORIGIN: "http://laptop.local:3000" },
    ["laptop.local"],
  ],
  [{ NODE_ENV: "development", __NEXT_PRIVATE_ORIGIN: "http://[::]:3000" }, []],
  [{ NODE_ENV: "development", __NEXT_PRIVATE_ORIGIN: "nonsense" }, []],
  [{ NODE_ENV: "development", SSE_BUS_ALLOWED_HOSTS: " a.test, .b.test,," }, ["a.test", ".b.test"]],
  [{ NODE_ENV: "production", SSE_BUS_ALLOWED_HOSTS: "app.example.com" }, ["app.example.com"]],
  [{ NODE_ENV: "development", SSE_BUS_ALLOWED_HOSTS: "*" }, ["*"]],
])("with %o routes accept %j", (env, hosts) => {
  for (const name of ["NODE_ENV", "SSE_BUS_ALLOWED_HOSTS", "__NEXT_PRIVATE_ORIGIN"]) {
    vi.stubEnv(name, (env as Record<string, string>)[name]);
  }
  expect(defaultAllowedHosts()).toEqual(hosts);
});
