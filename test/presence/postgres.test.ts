import { usePostgres } from "../support/postgres.ts";
import { testPresence } from "./suite.ts";

testPresence("PostgreSQL", { use: usePostgres, schedules: 3 });
