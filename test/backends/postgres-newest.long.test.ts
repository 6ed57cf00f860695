import { afterAll, beforeAll, describe } from "vitest";

/** Runs the tests of the machine's own PostgreSQL on the newest one: `startPostgres` reads this. */
const variable = "SSE_BUS_TEST_POSTGRES_BUILD";

describe("on the newest PostgreSQL", () => {
  beforeAll(() => void (process.env[variable] = "newest"));
  afterAll(() => void delete process.env[variable]);

  describe("transactions", async () => void (await import("./postgres-transactions.test.ts")));
  describe("ids", async () => void (await import("./postgres-ids.test.ts")));
  describe("keeping", async () => void (await import("./postgres-keeping.test.ts")));
  describe("upgrades", async () => void (await import("./postgres-upgrade.test.ts")));
  describe("failures", async () => void (await import("./postgres-failures.test.ts")));
});
