import { usePostgres } from "../support/postgres.ts";
import { testPresence } from "./suite.ts";

testPresence("PostgreSQL", {
  use: usePostgres,
  schedules: Number(process.env.SSE_BUS_PRESENCE_SCHEDULES ?? 200),
});
