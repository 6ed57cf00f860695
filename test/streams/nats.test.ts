import { useNats } from "../support/nats.ts";
import { testStops } from "./stops-suite.ts";
import { testStreams } from "./suite.ts";

testStreams("NATS", { use: useNats, seeds: 6 });
testStops("NATS", useNats);
