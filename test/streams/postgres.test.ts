import { usePostgres } from "../support/postgres.ts";
import { testStops } from "./stops-suite.ts";
import { testStreams } from "./suite.ts";

testStreams("PostgreSQL", { use: usePostgres, seeds: 6 });
testStops("PostgreSQL", usePostgres);
