import { startPostgres } from "../support/postgres.ts";
import { testChaos } from "./suite.ts";

testChaos("Postgres", {
  start: () => startPostgres(),
  url: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
});
