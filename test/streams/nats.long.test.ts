import { useNats } from "../support/nats.ts";
import { testStreams } from "./suite.ts";

testStreams("NATS", { use: useNats, seeds: Number(process.env.SSE_BUS_STREAMS_SEEDS ?? 200) });
