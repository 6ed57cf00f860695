import { usePostgres } from "../support/postgres.ts";
import { testStreams } from "./suite.ts";

testStreams("PostgreSQL", {
  use: usePostgres,
  seeds: Number(process.env.SSE_BUS_STREAMS_SEEDS ?? 200),
});
