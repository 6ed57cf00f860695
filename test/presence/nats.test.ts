import { useNats } from "../support/nats.ts";
import { testPresence } from "./suite.ts";

testPresence("NATS", { use: useNats, schedules: 3 });
